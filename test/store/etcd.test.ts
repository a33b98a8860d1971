import { silentLogger } from "../../src/log/logger.ts";
import { openEtcdReplica } from "../../src/store/etcd/replica.ts";
import type { Store } from "../../src/store/store.ts";
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
    log: process.env["VERBOSE"]
      ? { debug: console.log, info: console.log, notice: console.log, error: console.log }
      : silentLogger,
    begin: async () => ({ state: "new", members: [addr], token: "test" }),
    timing: { heartbeatMs: 20, electionMs: 100 },
    signal: AbortSignal.timeout(20_000),
  });
  await waitFor("leadership", () => store.leadership().leader, 10_000);
  return store;
}

storeConformance({ name: "etcd", open });
