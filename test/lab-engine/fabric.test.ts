import { afterEach, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { Der, type DerError } from "../../src/lab/engine/der.ts";
import {
  FabricError,
  type FabricHandler,
  type FabricServer,
  listenFabric,
} from "../../src/lab/engine/fabric.ts";
import { createFabricClient, type FabricClient } from "../../src/lab/engine/fabric-client.ts";
import { encodeFrame } from "../../src/lab/engine/frames.ts";
import { silentLogger } from "../../src/log/logger.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(
  handlers: Record<string, FabricHandler>,
  group = "g",
): Promise<{ server: FabricServer; uri: string }> {
  const server = await listenFabric({ host: "127.0.0.1", port: 0, group, handlers, log: silentLogger });
  closing.push(() => server.close());
  return { server, uri: `ofi+tcp://127.0.0.1:${server.port}` };
}

function client(group = "g"): FabricClient {
  const made = createFabricClient(group);
  closing.push(() => made.close());
  return made;
}

/** Whether the server hangs up on somebody who sends this. */
function isDropped(port: number, bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("close", () => resolve(true));
    socket.on("error", () => undefined);
    socket.on("data", () => undefined);
    setTimeout(() => {
      socket.destroy();
      resolve(false);
    }, 2000).unref();
  });
}

describe("between engines", () => {
  test("requests are answered, many at once, each with its own answer", async () => {
    const { uri } = await serve({ double: (n) => (n as bigint) * 2n });
    const fabric = client();
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, i) => fabric.call(uri, "double", BigInt(i), 5000)),
    );
    expect(answers).toEqual(Array.from({ length: 300 }, (_, i) => BigInt(i) * 2n));
  });

  test("a refusal keeps its status and hint, a crash of a handler is DER_IO", async () => {
    const { uri } = await serve({
      refuse() {
        throw new FabricError(Der.NOTLEADER, "not me", { rank: 3 });
      },
      crash() {
        throw new Error("oops");
      },
    });
    const fabric = client();
    await expect(fabric.call(uri, "refuse", {}, 1000)).rejects.toMatchObject({
      status: Der.NOTLEADER,
      hint: { rank: 3 },
    });
    await expect(fabric.call(uri, "crash", {}, 1000)).rejects.toMatchObject({ status: Der.IO });
    await expect(fabric.call(uri, "nothing", {}, 1000)).rejects.toMatchObject({ status: Der.NOSYS });
  });

  test("nobody there, a silent one, one that goes away, one that is given up", async () => {
    const { uri, server } = await serve({ wait: () => new Promise(() => undefined), echo: (x) => x });
    const fabric = client();
    await expect(fabric.call("ofi+tcp://127.0.0.1:1", "echo", {}, 1000)).rejects.toMatchObject({
      status: Der.UNREACH,
    });
    await expect(fabric.call(uri, "wait", {}, 30)).rejects.toMatchObject({ status: Der.TIMEDOUT });
    const given = fabric.call(uri, "wait", {}, 10_000).catch((error: DerError) => error.status);
    await fabric.call(uri, "echo", 1, 1000);
    fabric.drop(uri);
    expect(await given).toBe(Der.UNREACH);
    const gone = fabric.call(uri, "wait", {}, 10_000).catch((error: DerError) => error.status);
    await fabric.call(uri, "echo", 1, 1000);
    await server.close();
    expect(await gone).toBe(Der.UNREACH);
  });

  test("an engine of another group is not spoken to", async () => {
    const { uri } = await serve({ echo: (x) => x }, "other");
    await expect(client("g").call(uri, "echo", {}, 1000)).rejects.toMatchObject({ status: Der.UNREACH });
  });

  test("who does not speak the protocol is dropped, and harms nobody else", async () => {
    const { uri, server } = await serve({ echo: (x) => x });
    const fabric = client();
    const hello = { protocol: "daosctl-lab-fabric", version: 1, group: "g" };
    for (const bytes of [
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      encodeFrame({ protocol: "else" }),
      encodeFrame({ ...hello, version: 2 }),
      encodeFrame({ ...hello, group: "x" }),
      encodeFrame(null),
      Buffer.concat([encodeFrame(hello), encodeFrame("no message")]),
      Buffer.concat([encodeFrame(hello), Buffer.from([0xff, 0xff, 0xff, 0xff])]),
    ]) {
      expect(await isDropped(server.port, bytes)).toBe(true);
      expect(await fabric.call(uri, "echo", 7, 1000)).toBe(7);
    }
  });

  test("a port that is taken is an error", async () => {
    const { server } = await serve({});
    const again = listenFabric({
      host: "127.0.0.1",
      port: server.port,
      group: "g",
      handlers: {},
      log: silentLogger,
    });
    await expect(again).rejects.toThrow();
  });
});
