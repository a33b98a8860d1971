import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { MgmtMethod, SrvMethod } from "../../../src/drpc/methods.ts";
import {
  CheckInconsistAction as Action,
  type CheckReportSchema,
  CheckInconsistClass as Class,
} from "../../../src/gen/chk/chk_pb.ts";
import type { RanksReq } from "../../../src/gen/ctl/ranks_pb.ts";
import * as pb from "../../../src/gen/mgmt/check_pb.ts";
import { JoinResp_State } from "../../../src/gen/mgmt/svc_pb.ts";
import * as srv from "../../../src/gen/srv/srv_pb.ts";
import { parseRanks } from "../../../src/system/ranks.ts";
import { callDrpc, createRequest, joinRequest, type TestSystem, testSystem, testUuid } from "./support.ts";

describe("the checker", () => {
  let system: TestSystem;
  beforeEach(async () => {
    system = await testSystem();
    await system.joinMany(2);
    await system.call("poolCreate", createRequest(1));
    system.peers.on("StopRanks", results("stopped"));
    system.peers.on("PrepShutdownRanks", results("stopping"));
    system.peers.on("StartRanks", results("ready"));
  });
  afterEach(() => system.close());

  function results(state: string) {
    return (host: string, { ranks }: RanksReq) => ({
      results: parseRanks(ranks)
        .filter((rank) => host === `10.0.0.${rank + 1}:10001`)
        .map((rank) => ({ rank, state })),
    });
  }

  /** The system stopped, the checker enabled, engines back in its mode. */
  async function enabled(): Promise<void> {
    await system.call("systemStop");
    await system.call("systemCheckEnable");
    for (const n of [1, 2]) await system.call("join", joinRequest(n, { rank: n - 1, checkMode: true }));
  }

  const report = (seq: bigint, parts: MessageInitShape<typeof CheckReportSchema> = {}) =>
    callDrpc(
      system,
      SrvMethod.CHK_REPORT,
      srv.CheckReportReqSchema,
      { report: { seq, class: Class.CIC_POOL_BAD_LABEL, poolUuid: testUuid(1), ...parts } as never },
      srv.CheckReportRespSchema,
    );

  test("can be enabled only when all is stopped: fault 1101", async () => {
    await expect(system.call("systemCheckEnable")).rejects.toMatchObject({
      code: 1101,
      description: "members not in expected states (AdminExcluded|Stopped): 0-1",
      resolution:
        "stop system before enabling checker mode and/or administratively exclude members as appropriate",
    });
  });

  test("starts the ranks in its mode, and says so when they join", async () => {
    await system.call("systemStop");
    await system.call("systemCheckEnable");
    const started = system.peers.asked.filter(({ name }) => name === "StartRanks");
    expect(started.map(({ request }) => (request as RanksReq).checkMode)).toEqual([true, true]);
    const joined = await system.call("join", joinRequest(1, { rank: 0, checkMode: true }));
    expect(joined.state).toBe(JoinResp_State.CHECK);
    expect((await system.call("systemQuery")).members[0]?.state).toBe("checkerstarted");
    expect((await system.call("systemCheckEnable")).status).toBe(-1008);
  });

  test("keeps all else from working while it is enabled: fault 1103", async () => {
    await enabled();
    for (const name of [
      "poolQuery",
      "poolCreate",
      "getAttachInfo",
      "systemSetAttr",
      "poolDestroy",
    ] as const) {
      await expect(system.call(name)).rejects.toMatchObject({ code: 1103, domain: "checker" });
    }
    expect((await system.call("listPools")).pools).toHaveLength(1);
    await system.call("systemGetProp");
  });

  test("is needed for what belongs to it: fault 1102", async () => {
    for (const name of ["systemCheckStart", "systemCheckStop", "systemCheckGetPolicy"] as const) {
      await expect(system.call(name)).rejects.toMatchObject({ code: 1102 });
    }
    expect((await system.call("systemCheckDisable")).status).toBe(-1008);
  });

  test("is disabled by stopping the ranks that run in its mode", async () => {
    await enabled();
    await system.call("systemCheckDisable");
    expect((await system.call("systemQuery")).members.map(({ state }) => state)).toEqual([
      "stopped",
      "stopped",
    ]);
    await system.call("systemSetAttr", { attributes: { a: "b" } });
  });

  test("is started with ranks, pools by UUID and all policies", async () => {
    await enabled();
    await system.call("systemCheckStart", {
      uuids: ["pool1"],
      policies: [{ inconsistCas: Class.CIC_POOL_BAD_LABEL, inconsistAct: Action.CIA_IGNORE }],
    });
    const [sent] = system.engine.requests(MgmtMethod.CHK_START, pb.CheckStartReqSchema);
    expect(sent).toMatchObject({ ranks: [0, 1], uuids: [testUuid(1)] });
    expect(sent!.policies).toHaveLength(20);
    const { policies } = await system.call("systemCheckGetPolicy", {
      lastUsed: true,
      classes: [Class.CIC_POOL_BAD_LABEL],
    });
    expect(policies[0]?.inconsistAct).toBe(Action.CIA_IGNORE);
    const standing = await system.call("systemCheckGetPolicy", { classes: [Class.CIC_POOL_BAD_LABEL] });
    expect(standing.policies[0]?.inconsistAct).toBe(Action.CIA_DEFAULT);
  });

  test("keeps policies over a restart", async () => {
    await enabled();
    const policies = [{ inconsistCas: Class.CIC_DTX_ORPHAN, inconsistAct: Action.CIA_INTERACT }];
    await system.call("systemCheckSetPolicy", { policies });
    await system.restart();
    const answer = await system.call("systemCheckGetPolicy");
    expect(
      answer.policies.find(({ inconsistCas }) => inconsistCas === Class.CIC_DTX_ORPHAN)?.inconsistAct,
    ).toBe(Action.CIA_INTERACT);
    expect(answer.policies).toHaveLength(20);
  });

  test("keeps findings, with words for people, over a restart", async () => {
    await enabled();
    const choices = [Action.CIA_TRUST_MS, Action.CIA_TRUST_PS, Action.CIA_IGNORE];
    await report(7n, { actChoices: choices, actDetails: ["a \n"], action: Action.CIA_INTERACT });
    await report(1n << 60n, {
      class: Class.CIC_CONT_BAD_LABEL,
      contUuid: "c",
      action: Action.CIA_TRUST_TARGET,
    });
    await system.restart();
    const { reports } = await system.call("systemCheckQuery", { shallow: true });
    expect(reports.map(({ seq }) => seq)).toEqual([7n, 1n << 60n]);
    expect(reports[0]).toMatchObject({
      poolLabel: "pool1",
      msg: "Inconsistency found: CIC_POOL_BAD_LABEL (details: [a  ])",
      actDetails: ["a", "", ""],
      actMsgs: [
        `Reset the pool property using the MS label for ${testUuid(1)}`,
        `Update the MS label to use the pool property value for ${testUuid(1)}`,
        "Ignore the pool finding",
      ],
    });
    expect(reports[1]?.actMsgs).toEqual(["Update the CS label to use the container property value for c"]);
  });

  test("answers what engines say of the running check, together with what was found", async () => {
    await enabled();
    await report(5n);
    system.engine.on(MgmtMethod.CHK_QUERY, pb.CheckQueryReqSchema, pb.CheckQueryRespSchema, () => ({
      insStatus: 1,
      reports: [
        { seq: 3n, poolUuid: testUuid(1) },
        { seq: 4n, poolUuid: testUuid(2) },
      ],
    }));
    const answer = await system.call("systemCheckQuery", { uuids: ["pool1"] });
    expect(answer.insStatus).toBe(1);
    expect(answer.reports.map(({ seq }) => seq)).toEqual([3n, 5n]);
    const some = await system.call("systemCheckQuery", { seqs: [5n] });
    expect(some.reports.map(({ seq }) => seq)).toEqual([5n]);
    await expect(system.call("systemCheckQuery", { seqs: [9n] })).rejects.toThrow("finding 0x9 not found");
  });

  test("forgets findings when a check begins anew, all or those of its pools", async () => {
    await enabled();
    await report(1n);
    await report(2n, { poolUuid: testUuid(2) });
    system.engine.on(MgmtMethod.CHK_START, pb.CheckStartReqSchema, pb.CheckStartRespSchema, () => ({
      status: 1,
    }));
    const found = async () =>
      (await system.call("systemCheckQuery", { shallow: true })).reports.map(({ seq }) => seq);
    expect((await system.call("systemCheckStart", { uuids: [testUuid(2)] })).status).toBe(0);
    expect(await found()).toEqual([1n]);
    await system.call("systemCheckStart");
    expect(await found()).toEqual([]);
  });

  test("repairs with one of the choices, and remembers which", async () => {
    await enabled();
    await report(7n, { actChoices: [Action.CIA_TRUST_MS, Action.CIA_IGNORE], action: Action.CIA_INTERACT });
    await expect(system.call("systemCheckRepair", { seq: 7n, act: Action.CIA_DISCARD })).rejects.toThrow(
      "invalid action 3 (must be one of 5,2)",
    );
    await system.call("systemCheckRepair", { seq: 7n, act: Action.CIA_IGNORE });
    const [finding] = (await system.call("systemCheckQuery", { shallow: true })).reports;
    expect(finding).toMatchObject({
      action: Action.CIA_IGNORE,
      actChoices: [],
      actMsgs: ["Ignore the pool finding"],
    });
    await expect(system.call("systemCheckRepair", { seq: 7n, act: Action.CIA_IGNORE })).rejects.toThrow(
      "already repaired?",
    );
  });

  describe("lets engines change the list of pools", () => {
    const register = (uuid: string, label: string, svcreps: number[]) =>
      callDrpc(
        system,
        SrvMethod.CHK_REG_POOL,
        srv.CheckRegPoolReqSchema,
        { uuid, label, svcreps },
        srv.CheckRegPoolRespSchema,
      );
    const deregister = (uuid: string) =>
      callDrpc(
        system,
        SrvMethod.CHK_DEREG_POOL,
        srv.CheckDeregPoolReqSchema,
        { uuid },
        srv.CheckDeregPoolRespSchema,
      );

    test("by adding, changing and removing one", async () => {
      expect((await register(testUuid(2), "found", [1])).status).toBe(0);
      expect((await register(testUuid(1), "renamed", [0, 1])).status).toBe(0);
      const listed = await callDrpc(
        system,
        SrvMethod.CHK_LIST_POOL,
        srv.CheckListPoolReqSchema,
        {},
        srv.CheckListPoolRespSchema,
      );
      expect(listed.pools.map(({ uuid, label, svcreps }) => [uuid, label, svcreps])).toEqual([
        [testUuid(1), "renamed", [0, 1]],
        [testUuid(2), "found", [1]],
      ]);
      expect((await deregister(testUuid(2))).status).toBe(0);
      expect((await system.call("listPools")).pools).toHaveLength(1);
    });

    test("but not against the rules", async () => {
      expect((await register("x", "l", [1])).status).toBe(-1003);
      expect((await register(testUuid(2), "a b", [1])).status).toBe(-1003);
      expect((await register(testUuid(2), "l", [])).status).toBe(-1003);
      expect((await register(testUuid(2), "pool1", [1])).status).toBe(-1004);
      expect((await deregister("x")).status).toBe(-1003);
      expect((await deregister(testUuid(9))).status).toBe(-1005);
      expect((await report(1n, { poolUuid: "x" })).status).toBe(-1003);
    });
  });
});
