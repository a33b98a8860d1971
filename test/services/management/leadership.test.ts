import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { MgmtMethod } from "../../../src/drpc/methods.ts";
import { Fault } from "../../../src/faults/fault.ts";
import { GroupUpdateReqSchema, GroupUpdateRespSchema } from "../../../src/gen/mgmt/svc_pb.ts";
import { type MemoryStore, memoryStore, type SharedRecords, sharedRecords } from "./memory-store.ts";
import { joinRequest, type TestSystem, testSystem, testUuid, until } from "./support.ts";

const addrs = ["10.0.0.1:10001", "10.0.0.2:10001", "10.0.0.3:10001"] as const;

describe("two replicas of the management service", () => {
  let shared: SharedRecords;
  let stores: MemoryStore[];
  let systems: TestSystem[];
  beforeEach(async () => {
    shared = sharedRecords(addrs[0]);
    stores = addrs.slice(0, 2).map((addr) => memoryStore(shared, addr));
    systems = await Promise.all(
      stores.map((store, n) =>
        testSystem({ replicas: addrs, selfAddr: addrs[n]!, openStore: async () => store }),
      ),
    );
  });
  afterEach(() => Promise.all(systems.map((system) => system.close())));

  function elect(leader: string): void {
    shared.leader = leader;
    shared.term++;
    for (const store of stores) store.announce();
  }
  const mapsSent = (n: number) => systems[n]!.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema);

  test("send callers to the leader", async () => {
    await expect(systems[1]!.call("join", joinRequest(1))).rejects.toMatchObject({
      name: "NotLeaderError",
      leaderHint: addrs[0],
      replicas: [addrs[0], addrs[2]],
    });
    expect((await systems[1]!.call("leaderQuery")).currentLeader).toBe(addrs[0]);
    expect(systems[1]!.management.leaderAddr()).toBe(addrs[0]);
  });

  test("the next leader knows what the last one has done, and goes on from there", async () => {
    await systems[0]!.joinMany(3);
    elect(addrs[1]);
    await expect(systems[0]!.call("join", joinRequest(4))).rejects.toMatchObject({ name: "NotLeaderError" });
    await until(() => mapsSent(1).length > 0);
    expect((await systems[1]!.call("join", joinRequest(4))).rank).toBe(3);
    expect((await systems[1]!.call("systemQuery")).members).toHaveLength(4);
    elect(addrs[0]);
    await until(() => systems[0]!.log.filter((line) => line.includes("MS leader running")).length === 2);
    expect((await systems[0]!.call("systemQuery")).members).toHaveLength(4);
  });

  test("the next leader's group map is newer than the last one's", async () => {
    await systems[0]!.joinMany(3);
    await until(() => mapsSent(0).at(-1)?.engines.length === 3);
    const last = mapsSent(0).at(-1)!.mapVersion;
    elect(addrs[1]);
    await until(() => mapsSent(1).length > 0);
    expect(mapsSent(1)[0]!.mapVersion).toBeGreaterThan(last);
    expect(mapsSent(1)[0]!.engines).toHaveLength(3);
  });

  test("what waits when leadership goes is refused; what was on its way is fenced", async () => {
    await systems[0]!.joinMany(1);
    stores[0]!.hold(true);
    const onItsWay = systems[0]!.call("systemSetAttr", { attributes: { a: "1" } });
    await new Promise((resolve) => setImmediate(resolve));
    const waiting = systems[0]!.call("systemSetAttr", { attributes: { b: "2" } });
    await new Promise((resolve) => setImmediate(resolve));
    elect(addrs[1]);
    await expect(waiting).rejects.toMatchObject({ name: "NotLeaderError", leaderHint: addrs[1] });
    stores[0]!.hold(false);
    await expect(onItsWay).rejects.toThrow("fenced");
    await until(() => mapsSent(1).length > 0);
    expect((await systems[1]!.call("systemGetAttr")).attributes).toEqual({});
  });

  test("one that follows answers from its copy of what the leader does", async () => {
    await systems[0]!.joinMany(3);
    await systems[0]!.call("systemExclude", { ranks: "1" });
    await systems[0]!.call("systemSetAttr", { attributes: { a: "1" } });
    await systems[0]!.call("systemSetAttr", { attributes: { a: "", b: "2" } });
    const [leads, follows] = await Promise.all(systems.map((system) => system.call("systemQuery")));
    expect(follows).toEqual(leads!);
    expect((await systems[1]!.call("systemGetAttr")).attributes).toEqual({ b: "2" });
  });

  test("one that cannot read what the leader wrote does not lead until it can", async () => {
    await systems[0]!.joinMany(1);
    const newer = JSON.stringify({ v: 2 });
    stores[1]!.tell({ kind: "ops", ops: [{ key: "member/9", value: newer }] });
    expect(systems[1]!.log.at(-1)).toContain(
      "cannot follow the system, and will not lead it: record member/9",
    );
    elect(addrs[1]);
    // Told anew when it lost the leadership; before, it had something it could not read.
    await expect(systems[1]!.call("join", joinRequest(2))).rejects.toMatchObject({
      name: "UnavailableError",
    });
    elect(addrs[0]);
    elect(addrs[1]);
    await until(() => systems[1]!.log.filter((line) => line.includes("MS leader running")).length > 0);
    expect((await systems[1]!.call("join", joinRequest(2))).rank).toBe(1);
  });

  test("leadership that is gone before it was taken up is not taken up", async () => {
    elect(addrs[1]);
    elect(addrs[0]);
    await until(() => systems[0]!.log.filter((line) => line.includes("MS leader running")).length === 2);
    expect(systems[1]!.log.some((line) => line.includes("MS leader running"))).toBe(false);
  });

  test("a half-made pool is left to its engine when an earlier leader may still be making it", async () => {
    await systems[0]!.joinMany(1);
    const uuid = testUuid(99);
    const record = {
      v: 1,
      uuid,
      label: "half",
      state: "Creating",
      replicas: [],
      creationRanks: [0],
      currentRanks: [0],
      perRankTierBytes: [],
      lastUpdate: "",
    };
    await stores[0]!.commit([{ key: `pool/${uuid}`, value: JSON.stringify(record) }]);
    elect(addrs[1]);
    await until(() => mapsSent(1).length > 0);
    expect((await systems[1]!.call("listPools")).pools[0]?.state).toBe("Creating");
    await systems[1]!.call("poolDestroy", { id: "half" });
    expect((await systems[1]!.call("listPools")).pools).toEqual([]);
  });

  test("a replica that does not lead erases its own database when told to", async () => {
    await systems[0]!.joinMany(1);
    await systems[1]!.call("systemErase");
    await expect(systems[1]!.call("systemQuery")).rejects.toThrow("system is uninitialized");
    expect((await systems[0]!.call("systemQuery")).members).toHaveLength(1);
  });
});

describe("a change of fabric provider", () => {
  const verbs = { clientNetHints: [{ provider: "ofi+verbs" }] };

  test("is refused while members of the old one are joined", async () => {
    const shared = sharedRecords(addrs[0]);
    const replicas = [addrs[0]];
    const openStore = async () => memoryStore(shared, addrs[0]);
    const old = await testSystem({ openStore, replicas });
    await old.joinMany(2);
    await old.close();
    const other = await testSystem({ openStore, replicas, started: false, ...verbs });
    await expect(other.management.start({ dir: other.dir })).rejects.toThrow(
      'cannot change system provider "ofi+tcp" to "ofi+verbs": 2 member(s) already joined',
    );
    await expect(other.call("systemQuery")).rejects.toThrow("system is uninitialized");
    await other.close();
  });

  test("holds back group maps until everybody has come back with the new one", async () => {
    const shared = sharedRecords(addrs[0]);
    const replicas = [addrs[0]];
    const openStore = async () => memoryStore(shared, addrs[0]);
    const old = await testSystem({ openStore, replicas });
    await old.joinMany(2);
    old.peers.on("StopRanks", (host) => ({
      results: [{ rank: host.startsWith("10.0.0.1:") ? 0 : 1, state: "stopped" }],
    }));
    await old.call("systemStop", { force: true });
    await old.close();

    const system = await testSystem({ openStore, replicas, ...verbs });
    expect(system.log.join("\n")).toContain("system fabric provider has changed: ofi+tcp -> ofi+verbs");
    const sent = () => system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema);
    const back = (n: number) => joinRequest(n, { rank: n - 1, uri: `ofi+verbs://10.0.0.${n}:1` });
    await system.call("join", back(1));
    await until(() => system.log.some((line) => line.includes("temporarily paused")));
    expect(sent()).toEqual([]);
    await system.call("join", back(2));
    await until(() => sent().length > 0);
    expect(sent()[0]!.engines.map(({ uri }) => uri)).toEqual([
      "ofi+verbs://10.0.0.1:1",
      "ofi+verbs://10.0.0.2:1",
    ]);
    await system.close();
  });
});

describe("group updates", () => {
  test("that an engine refuses are sent again", async () => {
    const system = await testSystem();
    let refusals = 1;
    system.engine.on(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema, GroupUpdateRespSchema, () => ({
      status: refusals-- > 0 ? -1011 : 0,
    }));
    await system.joinMany(1);
    await until(() => system.engine.calls.length === 2);
    expect(system.log.join("\n")).toContain("ERROR GroupUpdate failed: DER_TIMEDOUT(-1011): Time out");
    await system.close();
  });

  test("go on when another is asked for while one is being refused", async () => {
    const system = await testSystem();
    const refusal = Promise.withResolvers<{ status: number }>();
    let first = true;
    system.engine.on(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema, GroupUpdateRespSchema, () => {
      const answer = first ? refusal.promise : { status: 0 };
      first = false;
      return answer;
    });
    const sent = () => system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema);
    await system.call("join", joinRequest(1));
    await until(() => sent().length === 1);
    await system.call("join", joinRequest(2));
    refusal.resolve({ status: -1011 });
    await until(() => sent().at(-1)?.engines.length === 2);
    await system.close();
  });

  test("are not sent twice for one map", async () => {
    const system = await testSystem();
    await system.joinMany(2);
    await until(() => system.engine.calls.length > 0);
    const before = system.engine.calls.length;
    await system.management.handleEvent({ id: 15, type: 1, rank: 99, incarnation: 1n });
    await system.call("systemExclude", { ranks: "1" });
    await until(() => system.engine.calls.length > before);
    expect(system.engine.calls.length).toBe(before + 1);
    await system.close();
  });
});

test("a database that cannot be opened is an error of start, which may be tried again", async () => {
  let broken = true;
  const shared = sharedRecords(addrs[0]);
  const system = await testSystem({
    started: false,
    openStore: async () => {
      if (broken) throw new Fault("server", 600, "damaged");
      return memoryStore(shared, addrs[0]);
    },
  });
  await expect(system.management.start({ dir: system.dir })).rejects.toThrow("damaged");
  broken = false;
  await system.management.start({ dir: system.dir });
  await system.management.start({ dir: system.dir });
  expect((await system.call("join", joinRequest(1))).rank).toBe(0);
  await system.close();
});

test("records that cannot be read are an error of start, and nothing is served from them", async () => {
  const shared = sharedRecords(addrs[0]);
  shared.records.set("member/7", "{");
  const system = await testSystem({ started: false, openStore: async () => memoryStore(shared, addrs[0]) });
  await expect(system.management.start({ dir: system.dir })).rejects.toThrow("record member/7 is not JSON");
  await expect(system.call("join", joinRequest(1))).rejects.toThrow("system is uninitialized");
  await system.close();
});
