import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MgmtMethod, SrvMethod } from "../../../src/drpc/methods.ts";
import { PoolCreateReqSchema, PoolCreateRespSchema } from "../../../src/gen/mgmt/pool_pb.ts";
import { GroupUpdateReqSchema } from "../../../src/gen/mgmt/svc_pb.ts";
import {
  type ClusterEventReq,
  ClusterEventReqSchema,
  ClusterEventRespSchema,
  RASEventSchema,
} from "../../../src/gen/shared/event_pb.ts";
import * as srv from "../../../src/gen/srv/srv_pb.ts";
import { rasLine } from "../../../src/services/management/ras.ts";
import {
  callDrpc,
  createRequest,
  joinRequest,
  type TestSystem,
  testSystem,
  testUuid,
  until,
} from "./support.ts";

const dead = (rank: number, incarnation: bigint): MessageInitShape<typeof RASEventSchema> => ({
  id: 15,
  type: 1,
  severity: 3,
  msg: "SWIM marked rank as dead.",
  rank,
  incarnation,
  hostname: "host3",
  timestamp: "2026-11-25T10:00:00.000000+0000",
});

describe("RAS events", () => {
  let system: TestSystem;
  beforeEach(async () => {
    system = await testSystem();
    await system.joinMany(3);
  });
  afterEach(() => system.close());

  const member = async (rank: number) =>
    (await system.call("systemQuery")).members.find((each) => each.rank === rank);
  const version = async () => (await system.call("systemQuery")).dataVersion;

  test("a dead rank is excluded, announced and left out of the group", async () => {
    await system.management.handleEvent(dead(2, 1003n));
    expect((await member(2))?.state).toBe("excluded");
    const log = system.log.join("\n");
    expect(log).toContain(
      "INFO &&& RAS id: [swim_rank_dead] ts: [2026-11-25T10:00:00.000000+0000] host: [host3]",
    );
    expect(log).toMatch(/rank 2 .*is down/);
    expect(log).toContain("rank 2 is excluded");
    await until(() => {
      const updates = system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema);
      return (
        updates
          .at(-1)
          ?.engines.map(({ rank }) => rank)
          .join() === "0,1"
      );
    });
  });

  test("a dead rank told of again changes nothing", async () => {
    await system.management.handleEvent(dead(2, 1003n));
    const before = await version();
    await system.management.handleEvent(dead(2, 1003n));
    await system.management.handleEvent(dead(2, 1003n));
    expect(await version()).toBe(before);
  });

  test("a death of a previous incarnation does not exclude the rank that has come back", async () => {
    await system.call("join", joinRequest(3, { rank: 2, incarnation: 2000n }));
    await system.management.handleEvent(dead(2, 1003n));
    expect((await member(2))?.state).toBe("joined");
  });

  test("an unknown rank is an error in the log", async () => {
    await system.management.handleEvent(dead(77, 1n));
    expect(system.log.join("\n")).toContain("unable to find member with rank 77");
  });

  test("an engine that died makes its rank Errored, with the reason", async () => {
    await system.management.handleEvent({
      id: 2,
      type: 1,
      severity: 1,
      msg: "DAOS engine 0 exited unexpectedly: process exited with 1",
      rank: 1,
      extendedInfo: { case: "engineStateInfo", value: { instance: 0, errored: true, error: "x" } },
    });
    expect(await member(1)).toMatchObject({
      state: "errored",
      info: "DAOS engine 0 exited unexpectedly: process exited with 1",
    });
    expect(system.log.join("\n")).toContain("ERROR rank 1: Joined->Errored (DAOS engine 0 exited");
  });

  test("an event for information is logged only", async () => {
    const before = await version();
    await system.management.handleEvent({ ...dead(1, 9n), type: 2 });
    expect(await version()).toBe(before);
    expect(system.log.at(-1)).toContain("type: [INFO]");
  });

  test("new replicas of a pool's service are taken over", async () => {
    system.engine.on(MgmtMethod.POOL_CREATE, PoolCreateReqSchema, PoolCreateRespSchema, () => ({
      svcReps: [0],
    }));
    await system.call("poolCreate", createRequest(1));
    const update = (poolUuid: string): MessageInitShape<typeof RASEventSchema> => ({
      id: 9,
      type: 1,
      poolUuid,
      extendedInfo: { case: "poolSvcInfo", value: { svcReps: [2, 1], version: 4n } },
    });
    await system.management.handleEvent(update(testUuid(1)));
    expect((await system.call("listPools")).pools[0]?.svcReps).toEqual([2, 1]);
    expect(system.log.join("\n")).toContain("pool pool1: service ranks set to 1-2");
    await system.management.handleEvent(update(testUuid(9)));
    await system.management.handleEvent(update("x"));
    expect((await system.call("listPools")).pools).toHaveLength(1);
  });

  test("an event another server forwards is acted on and not logged again", async () => {
    const answer = await system.call("clusterEvent", { sequence: 7n, event: dead(1, 1002n) });
    expect(answer.sequence).toBe(7n);
    expect((await member(1))?.state).toBe("excluded");
    expect(system.log.join("\n")).not.toContain("&&& RAS");
    await expect(system.call("clusterEvent", { sequence: 8n })).rejects.toThrow("nil event in request");
  });

  test("a server that does not lead forwards what changes the state, counted, and keeps the rest", async () => {
    const other = await testSystem({ started: false, replicas: ["10.0.0.9:10001"] });
    await other.management.handleEvent(dead(1, 2n));
    await other.management.handleEvent({ ...dead(1, 2n), type: 2 });
    await other.management.handleEvent(dead(2, 2n));
    const sent = other.peers.asked.map(({ host, request }) => [host, (request as ClusterEventReq).sequence]);
    expect(sent).toEqual([
      ["10.0.0.9:10001", 1n],
      ["10.0.0.9:10001", 2n],
    ]);
    expect(other.log.filter((line) => line.includes("&&& RAS"))).toHaveLength(3);
    await other.close();
  });

  test("an event nobody takes is an error in the log, not a throw", async () => {
    const other = await testSystem({ started: false, replicas: ["10.0.0.9:10001"] });
    other.peers.on("ClusterEvent", () => {
      throw new Error("nobody there");
    });
    await other.management.handleEvent(dead(1, 2n));
    expect(other.log.at(-1)).toContain("nobody there");
    await other.close();
  });

  test("are written as engines write them", () => {
    const event = create(RASEventSchema, {
      id: 5,
      type: 2,
      severity: 2,
      timestamp: "now",
      hostname: "h",
      msg: "m",
      rank: 3,
      procId: 7n,
      threadId: 8n,
      hwId: "w",
      jobId: "j",
      poolUuid: "p",
      contUuid: "c",
      objId: "o",
      ctlOp: "l",
      extendedInfo: { case: "strInfo", value: "d" },
    });
    expect(rasLine(event)).toBe(
      "&&& RAS id: [corruption_detected] ts: [now] host: [h] type: [INFO] sev: [WARNING] msg: [m] pid: [7] tid: [8] hwid: [w] rank: [3] jobid: [j] pool: [p] container: [c] objid: [o] ctlop: [l] data: [d]",
    );
  });
});

describe("what engines ask over dRPC", () => {
  let system: TestSystem;
  beforeEach(async () => {
    system = await testSystem();
    await system.joinMany(2);
    system.engine.on(MgmtMethod.POOL_CREATE, PoolCreateReqSchema, PoolCreateRespSchema, () => ({
      svcReps: [1, 0],
    }));
    await system.call("poolCreate", createRequest(1));
  });
  afterEach(() => system.close());

  test("the replicas of a pool's service", async () => {
    const ask = (uuid: string) =>
      callDrpc(system, SrvMethod.GET_POOL_SVC, srv.GetPoolSvcReqSchema, { uuid }, srv.GetPoolSvcRespSchema);
    expect(await ask(testUuid(1))).toMatchObject({ status: 0, svcreps: [1, 0] });
    expect(await ask(testUuid(2))).toMatchObject({ status: -1005, svcreps: [] });
    expect(await ask("x")).toMatchObject({ status: -1005 });
  });

  test("the pool of a label", async () => {
    const ask = (label: string) =>
      callDrpc(
        system,
        SrvMethod.POOL_FIND_BYLABEL,
        srv.PoolFindByLabelReqSchema,
        { label },
        srv.PoolFindByLabelRespSchema,
      );
    expect(await ask("pool1")).toMatchObject({ status: 0, uuid: testUuid(1), svcreps: [1, 0] });
    expect(await ask("nopool")).toMatchObject({ status: -1005, uuid: "" });
  });

  test("a cluster event is answered at once, then acted on", async () => {
    const answer = await callDrpc(
      system,
      SrvMethod.CLUSTER_EVENT,
      ClusterEventReqSchema,
      { sequence: 3n, event: dead(1, 5_000n) },
      ClusterEventRespSchema,
    );
    expect(answer).toMatchObject({ sequence: 3n, status: 0 });
    await until(async () => (await system.call("systemQuery")).members[1]?.state === "excluded");
  });

  test("is answered by a server that holds no replica: it knows no pools", async () => {
    const other = await testSystem({ started: false, replicas: ["10.0.0.9:10001"] });
    const answer = await callDrpc(
      other,
      SrvMethod.GET_POOL_SVC,
      srv.GetPoolSvcReqSchema,
      { uuid: testUuid(1) },
      srv.GetPoolSvcRespSchema,
    );
    expect(answer.status).toBe(-1005);
    await other.close();
  });
});
