import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { MgmtMethod } from "../../../src/drpc/methods.ts";
import { GroupUpdateReqSchema, JoinResp_State } from "../../../src/gen/mgmt/svc_pb.ts";
import { joinRequest, type TestSystem, testSystem, testUuid, until } from "./support.ts";

describe("Join", () => {
  let system: TestSystem;
  beforeEach(async () => {
    system = await testSystem();
  });
  afterEach(() => system.close());

  test("gives rank 0 to the first engine of the bootstrap replica, whoever comes first", async () => {
    expect((await system.call("join", joinRequest(2))).rank).toBe(1);
    expect((await system.call("join", joinRequest(1))).rank).toBe(0);
    expect((await system.call("join", joinRequest(3))).rank).toBe(2);
  });

  test("gives every engine of many that join at once a rank of its own", async () => {
    const ranks = await system.joinMany(200);
    expect(new Set(ranks).size).toBe(200);
    expect(Math.max(...ranks)).toBe(199);
  });

  test("answers with a map version that the next group update is newer than", async () => {
    const answer = await system.call("join", joinRequest(1));
    expect(answer.state).toBe(JoinResp_State.IN);
    await until(() => system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema).length > 0);
    const [update] = system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema);
    expect(update!.mapVersion).toBeGreaterThan(answer.mapVersion);
    expect(update!.engines.map(({ rank, uri }) => ({ rank, uri }))).toEqual([
      { rank: 0, uri: "ofi+tcp://10.0.0.1:31416" },
    ]);
  });

  test("gives the same rank when the answer was lost and the engine asks again without one", async () => {
    const first = await system.call("join", joinRequest(2));
    const second = await system.call("join", joinRequest(2));
    expect(second.rank).toBe(first.rank);
    expect((await system.call("systemQuery")).members).toHaveLength(1);
  });

  test("takes a member back with a new fabric address and incarnation", async () => {
    const { rank } = await system.call("join", joinRequest(2));
    const uri = "ofi+tcp://10.0.0.2:40000";
    await system.call("join", joinRequest(2, { rank, uri, incarnation: 9n }));
    const [member] = (await system.call("systemQuery")).members;
    expect(member).toMatchObject({ rank, fabricUri: uri, incarnation: 9n, state: "joined" });
  });

  test("takes the caller's address when the server listens on any", async () => {
    await system.call("join", joinRequest(5, { addr: "0.0.0.0:10005" }), "10.9.8.7:55555");
    expect((await system.call("systemQuery")).members[0]?.addr).toBe("10.9.8.7:10005");
    await system.call("join", joinRequest(6, { addr: "[::]:10006" }), "[::ffff:10.9.8.6]:55555");
    expect((await system.call("systemQuery")).members[1]?.addr).toBe("10.9.8.6:10006");
  });

  test.each([
    [{ uuid: testUuid(99) }, /can't rejoin member with rank 1: uuid changed from .*02 -> .*63/],
    [{ addr: "10.0.0.77:10001" }, /control address changed from 10.0.0.2:10001 -> 10.0.0.77:10001/],
  ])("refuses a member that has become another: %p", async (change, message) => {
    const { rank } = await system.call("join", joinRequest(2));
    await expect(system.call("join", joinRequest(2, { rank, ...change }))).rejects.toThrow(message);
    await until(() => system.log.some((line) => line.includes("&&& RAS id: [engine_join_failed]")));
  });

  test("refuses a known UUID that claims another rank", async () => {
    await system.call("join", joinRequest(2));
    await expect(system.call("join", joinRequest(2, { rank: 7 }))).rejects.toThrow("already exists");
  });

  test("refuses an engine of another fabric provider", async () => {
    const request = joinRequest(2, { uri: "ofi+verbs://10.0.0.2:31416" });
    await expect(system.call("join", request)).rejects.toThrow(
      'fabric provider "ofi+verbs" does not match system provider "ofi+tcp"',
    );
  });

  test("refuses a fault domain of another depth with fault 401", async () => {
    await system.joinMany(2);
    await expect(
      system.call("join", joinRequest(3, { srvFaultDomain: "/rack1/host3" })),
    ).rejects.toMatchObject({
      code: 401,
      domain: "system",
    });
  });

  test("refuses what cannot be read", async () => {
    await expect(system.call("join", joinRequest(2, { uuid: "x" }))).rejects.toThrow('invalid uuid "x"');
    await expect(system.call("join", joinRequest(2, { uri: "nowhere" }))).rejects.toThrow("fabric provider");
    await expect(system.call("join", joinRequest(2, { addr: "nowhere" }))).rejects.toThrow(
      "peer control address",
    );
    await expect(system.call("join", joinRequest(2, { srvFaultDomain: "rack" }))).rejects.toThrow(
      "fault domain",
    );
  });

  test("keeps an excluded member out until the exclusion is cleared", async () => {
    const { rank } = await system.call("join", joinRequest(2));
    await system.call("systemExclude", { ranks: String(rank) });
    await expect(system.call("join", joinRequest(2, { rank }))).rejects.toThrow(
      "has been administratively excluded",
    );
    await system.call("systemExclude", { ranks: String(rank), clear: true });
    expect((await system.call("join", joinRequest(2, { rank }))).rank).toBe(rank);
    expect((await system.call("systemQuery")).members[0]?.state).toBe("joined");
  });

  test("knows its members after a restart", async () => {
    const ranks = await system.joinMany(10);
    const before = (await system.call("systemQuery")).members;
    await system.restart();
    expect((await system.call("systemQuery")).members).toEqual(before);
    expect(ranks).not.toContain((await system.call("join", joinRequest(11))).rank);
  });

  test("sends the group map as soon as an engine takes calls", async () => {
    system.engine.ready = false;
    await system.joinMany(3);
    system.engine.ready = true;
    await until(() => system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema).length > 0);
    const updates = system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema);
    expect(updates.at(-1)?.engines).toHaveLength(3);
  });

  test("sends few group maps for many joins", async () => {
    await system.joinMany(100);
    const sent = () => system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema);
    await until(() => sent().at(-1)?.engines.length === 100);
    expect(sent().length).toBeLessThan(10);
  });
});
