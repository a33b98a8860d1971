import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/log/logger.ts";
import { installEtcd } from "../../src/store/etcd/install.ts";
import { openEtcdReplica } from "../../src/store/etcd/replica.ts";
import { clusterEndpoint, createEtcdClient } from "../../src/store/etcd/rpc.ts";
import { openEtcdStore } from "../../src/store/etcd.ts";
import type { Store } from "../../src/store/store.ts";
import { freePort } from "../support/site.ts";
import { waitFor } from "../support/wait.ts";
import { storeConformance } from "./conformance.ts";

const addr = "10.0.0.1:10001";

/** One member alone: nobody to wait for, and a quorum at once. */
async function open(dir: string): Promise<Store> {
  const store = await openEtcdReplica({
    dir,
    systemName: "daos_server",
    self: addr,
    replicas: [addr],
    dial: () => Promise.reject(new Error("there is no other replica")),
    log: silentLogger,
    begin: async () => ({ state: "new", members: [addr], token: "test" }),
    timing: { heartbeatMs: 20, electionMs: 100 },
    signal: AbortSignal.timeout(20_000),
  });
  await waitFor("leadership", () => store.leadership().leader, 10_000);
  return store;
}

storeConformance({ name: "etcd", open });

describe("an etcd cluster of others", () => {
  let root: string;
  let etcd: Bun.Subprocess | undefined;
  let url: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "daosctl-etcd-"));
    const { path } = await installEtcd(join(root, "bin"));
    url = `http://127.0.0.1:${await freePort()}`;
    const peer = `http://127.0.0.1:${await freePort()}`;
    const urls = ["--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peer];
    const names = ["--initial-advertise-peer-urls", peer, "--initial-cluster", `default=${peer}`];
    const limits = ["--max-txn-ops", "16384", "--max-request-bytes", String(10 << 20)];
    etcd = Bun.spawn([path, "--data-dir", join(root, "data"), ...urls, ...names, ...limits], {
      stdout: "ignore",
      stderr: "ignore",
      env: {},
    });
  });
  afterAll(async () => {
    etcd?.kill("SIGKILL");
    await etcd?.exited;
    await rm(root, { recursive: true, force: true });
  });

  storeConformance({
    name: "shared etcd",
    async open(dir) {
      const client = createEtcdClient(clusterEndpoint([url], undefined));
      const store = await openEtcdStore({
        client,
        // Each folder is another system of the cluster.
        systemName: dir,
        addr,
        replicas: [addr],
        place: url,
        leaseSeconds: 2,
        embedded: false,
        log: silentLogger,
        signal: AbortSignal.timeout(20_000),
      });
      await waitFor("leadership", () => store.leadership().leader, 10_000);
      return {
        ...store,
        async close() {
          await store.close();
          client.close();
        },
      };
    },
  });
});

describe("the carried etcd", () => {
  test("is unpacked whole, once, for our user alone, and again when it is damaged", async () => {
    const root = await mkdtemp(join(tmpdir(), "daosctl-install-"));
    try {
      const dir = join(root, "bin");
      const [first, same] = await Promise.all([installEtcd(dir), installEtcd(dir)]);
      expect(same).toEqual(first);
      expect((await stat(first.path)).mode & 0o777).toBe(0o700);
      const madeMs = (await stat(first.path)).mtimeMs;
      await installEtcd(dir);
      expect((await stat(first.path)).mtimeMs).toBe(madeMs);
      await chmod(first.path, 0o700);
      await writeFile(first.path, "damaged");
      await installEtcd(dir);
      expect((await stat(first.path)).size).toBeGreaterThan(1_000_000);
      expect(await readdir(dir)).toHaveLength(1);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });

  test("is in a folder nobody else can enter, and opens no port", async () => {
    const root = await mkdtemp(join(tmpdir(), "daosctl-sockets-"));
    const store = await open(join(root, "db"));
    try {
      const run = join(root, "db", "etcd", "run");
      expect((await stat(run)).mode & 0o077).toBe(0);
      expect((await stat(join(root, "db"))).mode & 0o077).toBe(0);
      expect((await readdir(run)).filter((name) => name.includes(":")).sort()).toEqual([
        "client:0",
        "peer:0",
      ]);
    } finally {
      await store.close();
      await rm(root, { recursive: true, force: true });
    }
  });
});
