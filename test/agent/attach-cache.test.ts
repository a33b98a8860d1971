import { afterEach, describe, expect, test } from "bun:test";
import { closeConnections } from "../../src/client/transport.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { type AttachInfoAges, createAttachInfoCache } from "../../src/services/agent/attach-info.ts";
import { waitFor } from "../support/wait.ts";
import { type AttachInfo, loopbackInfo, type ManagementPeer, startManagement } from "./bench.ts";

const peers: ManagementPeer[] = [];
afterEach(async () => {
  closeConnections();
  for (const peer of peers.splice(0)) await peer.close();
});

async function management(port = 0): Promise<ManagementPeer> {
  const peer = await startManagement(undefined, port);
  peers.push(peer);
  return peer;
}

const NEVER = Number.POSITIVE_INFINITY;

function cacheOf(ports: readonly number[], ages: Partial<AttachInfoAges> = {}, expiryMs = 0) {
  return createAttachInfoCache({
    client: { security: { insecure: true }, component: "agent", sys: "daos_server-2.6.0", timeoutMs: 5000 },
    hosts: ports.map((port) => `127.0.0.1:${port}`),
    log: silentLogger,
    disabled: false,
    expiryMs,
    ages: { reviewMs: NEVER, againMs: NEVER, againWaitMs: 2000, ...ages },
  });
}

const uris = (answer: { rankUris: { uri: string }[] } | undefined) => answer?.rankUris.map(({ uri }) => uri);
const moved = {
  ...loopbackInfo,
  rankUris: [{ rank: 0, uri: "ofi+tcp://127.0.0.1:40000" }],
  dataVersion: 8n,
} as AttachInfo;

describe("what is known of the system", () => {
  test("is kept, and tells who said it", async () => {
    const ms = await management();
    const cache = cacheOf([ms.port]);
    expect(cache.peek()).toBeUndefined();
    const first = await cache.get();
    expect(await cache.get(true)).toBe(first);
    expect(cache.peek()).toBe(first);
    expect(ms.asked.length).toBe(1);
    expect(cache.status()).toMatchObject({
      cached: true,
      ranks: 2,
      dataVersion: 7n,
      server: `127.0.0.1:${ms.port}`,
      fetches: 1,
      failures: 0,
    });
  });

  test("is fetched at once for a process that asks again", async () => {
    const ms = await management();
    const cache = cacheOf([ms.port], { againMs: 0 });
    await cache.get();
    ms.answer = moved;
    expect(uris(await cache.get(true))).toEqual(["ofi+tcp://127.0.0.1:40000"]);
  });

  test("is handed out in its old form when the servers are away and a process asks again", async () => {
    const ms = await management();
    const cache = cacheOf([ms.port], { againMs: 0 });
    const first = await cache.get();
    await ms.close();
    peers.length = 0;
    closeConnections();
    expect(await cache.get(true)).toBe(first);
    expect(cache.status().failures).toBe(1);
    expect(cache.status().lastError).toBeString();
  });

  test("is not waited for longer than agreed", async () => {
    const ms = await management();
    const cache = cacheOf([ms.port], { againMs: 0, againWaitMs: 30 });
    const first = await cache.get();
    const gate = Promise.withResolvers<void>();
    ms.answer = () => gate.promise.then(() => moved);
    expect(await cache.get(true)).toBe(first);
    gate.resolve();
    await waitFor("the late answer", () => uris(cache.peek())?.length === 1, 3000);
  });

  test("is looked after when it has come of age, without holding up who asks", async () => {
    const ms = await management();
    const cache = cacheOf([ms.port], { reviewMs: 20 });
    const first = await cache.get();
    ms.answer = moved;
    await waitFor("the news", () => uris(cache.peek())?.[0] === "ofi+tcp://127.0.0.1:40000", 3000);
    expect(cache.peek()).not.toBe(first);
  });

  test("is the same object as long as it says the same", async () => {
    const ms = await management();
    const cache = cacheOf([ms.port]);
    const first = await cache.get();
    await cache.refresh();
    expect(cache.peek()).toBe(first);
    expect(ms.asked.length).toBe(2);
  });

  test("is not handed out past its expiry", async () => {
    const ms = await management();
    const cache = cacheOf([ms.port], {}, 1);
    await cache.get();
    await waitFor("the expiry", () => cache.peek() === undefined, 3000);
    ms.answer = moved;
    expect(uris(await cache.get())).toEqual(["ofi+tcp://127.0.0.1:40000"]);
  });

  test("comes from the server that is left when another one is replaced", async () => {
    const [old, other] = [await management(), await management()];
    const cache = cacheOf([old.port, other.port], { againMs: 0 });
    await cache.get();
    await old.close();
    peers.splice(peers.indexOf(old), 1);
    other.answer = moved;
    expect(uris(await cache.get(true))).toEqual(["ofi+tcp://127.0.0.1:40000"]);
    expect(cache.status().server).toBe(`127.0.0.1:${other.port}`);
    // The new server is reached when it comes up where the configuration says.
    const again = await management(old.port);
    again.answer = { ...moved, dataVersion: 9n } as AttachInfo;
    await cache.get(true);
    expect(again.asked.length).toBe(1);
  });
});
