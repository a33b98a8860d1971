import { describe, expect, test } from "bun:test";
import { silentLogger } from "../../src/log/logger.ts";
import { type BeginOptions, beginReplica, type PeerStorage } from "../../src/store/etcd/begin.ts";
import { faultLegacyNeedsImport } from "../../src/store/raft-2.6/faults.ts";

const replicas = ["a:1", "b:1", "c:1"];
const mustNotFound = faultLegacyNeedsImport("/scm/control_raft/daos_system.db", replicas);

function begin(storages: Readonly<Record<string, PeerStorage>>, options: Partial<BeginOptions>) {
  const stop = new AbortController();
  return {
    stop,
    started: beginReplica({
      self: "a:1",
      replicas,
      hasSingle: false,
      forced: false,
      ask: (addr) => Promise.resolve(storages[addr] ?? "unknown"),
      join: () => Promise.resolve([...replicas]),
      log: silentLogger,
      signal: stop.signal,
      ...options,
    }),
  };
}

describe("a replica that holds one of several databases of 2.6", () => {
  test("founds no system, though others have nothing, and says what to do", async () => {
    let told: (text: string) => void;
    const line = new Promise<string>((resolve) => {
      told = resolve;
    });
    const { stop, started } = begin(
      { "b:1": "none", "c:1": "none" },
      { mustNotFound, log: { ...silentLogger, error: (text) => told(text) } },
    );
    expect(await line).toContain("daosctl server ms import");
    stop.abort(new Error("enough"));
    await expect(started).rejects.toThrow("enough");
  });

  test("joins the system that was founded on another", async () => {
    const { started } = begin({ "b:1": "cluster" }, { mustNotFound });
    expect(await started).toMatchObject({ state: "existing", members: replicas });
  });

  test("founds it on the database that was imported here", async () => {
    const { started } = begin({ "b:1": "unknown" }, { hasSingle: true, forced: true });
    expect(await started).toMatchObject({ state: "new", members: ["a:1"] });
  });
});

test("no system is founded while most of the others hold something that is not ours", async () => {
  const storages: Record<string, PeerStorage> = { "b:1": "unknown", "c:1": "unknown" };
  const { started } = begin(storages, {});
  storages["b:1"] = "cluster";
  expect(await started).toMatchObject({ state: "existing" });
});
