import { afterEach, describe, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { MgmtMethod, SrvMethod } from "../../src/drpc/methods.ts";
import {
  CheckInconsistAction as Action,
  CheckFlag,
  type CheckReport,
  CheckInconsistClass as Class,
  CheckInstStatus as InstStatus,
  CheckPoolStatus as PoolStatus,
} from "../../src/gen/chk/chk_pb.ts";
import {
  CheckActReqSchema,
  CheckActRespSchema,
  CheckPropReqSchema,
  CheckPropRespSchema,
  CheckQueryReqSchema,
  CheckQueryRespSchema,
  CheckStartReqSchema,
  CheckStartRespSchema,
  CheckStopReqSchema,
  CheckStopRespSchema,
} from "../../src/gen/mgmt/check_pb.ts";
import {
  CheckDeregPoolReqSchema,
  CheckDeregPoolRespSchema,
  CheckListPoolRespSchema,
  CheckRegPoolReqSchema,
  CheckRegPoolRespSchema,
  CheckReportReqSchema,
  CheckReportRespSchema,
} from "../../src/gen/srv/srv_pb.ts";
import { decide, type EnginePool, findInconsistencies } from "../../src/lab/engine/check-findings.ts";
import { newPool } from "../../src/lab/engine/pool.ts";
import { createPool } from "./pools.ts";
import { type EngineProcess, type TestSystem, testSystem, until } from "./support.ts";

const uuid = "11111111-1111-4111-8111-111111111111";

function document(ranks: number[], label = "tank") {
  return newPool({
    uuid,
    engines: ranks.map((rank) => ({ rank, node: rank, targets: 1 })),
    scmBytes: 1n << 30n,
    nvmeBytes: 0n,
    properties: [{ number: 1, value: label }],
    owner: "",
    ownerGroup: "",
    acl: [],
    replicas: ranks.length,
  });
}

function onEngine(rank: number, pool = document([0, 1, 2]), hasShard = true): EnginePool {
  return { rank, uuid, hasShard, replica: { term: 1, index: 1, pool } };
}

describe("what does not fit together", () => {
  const ms = { uuid, label: "tank", replicas: [0, 1, 2] };
  const all = [0, 1, 2].map((rank) => onEngine(rank));
  const classes = (...args: Parameters<typeof findInconsistencies>) =>
    findInconsistencies(...args).map((f) => f.cls);

  test("nothing, when all is well", () => expect(classes([ms], all, [0, 1, 2])).toEqual([]));
  test("a pool the engines do not have", () =>
    expect(classes([ms], [], [0])).toEqual([Class.CIC_POOL_NONEXIST_ON_ENGINE]));
  test("a pool the management service does not have", () =>
    expect(classes([], all, [0, 1, 2])).toEqual([Class.CIC_POOL_NONEXIST_ON_MS]));
  test("another label", () =>
    expect(classes([{ ...ms, label: "x" }], all, [0, 1, 2])).toEqual([Class.CIC_POOL_BAD_LABEL]));
  test("other replicas", () =>
    expect(classes([{ ...ms, replicas: [0] }], all, [0, 1, 2])).toEqual([Class.CIC_POOL_BAD_SVCL]));
  test("a service without its majority", () =>
    expect(classes([ms], [onEngine(0)], [0, 1, 2])).toEqual([Class.CIC_POOL_LESS_SVC_WITHOUT_QUORUM]));
  test("a part on a rank outside of the pool", () =>
    expect(
      classes([ms], [...all, { rank: 3, uuid, hasShard: true, replica: undefined }], [0, 1, 2, 3]),
    ).toEqual([Class.CIC_ENGINE_NONEXIST_IN_MAP]));
  test("a rank that lost its part, unless it does not take part", () => {
    const lost = [onEngine(0), onEngine(1), onEngine(2, document([0, 1, 2]), false)];
    expect(classes([ms], lost, [0, 1, 2])).toEqual([Class.CIC_ENGINE_HAS_NO_STORAGE]);
    expect(classes([ms], lost, [0, 1])).toEqual([]);
  });
  test("policies: the suggested thing by default, a question when it does not fit, a report when nobody is asked", () => {
    const [finding] = findInconsistencies([], all, [0, 1, 2]);
    if (finding === undefined) throw new Error("no finding");
    expect(decide(finding, undefined, false)).toBe(Action.CIA_READD);
    expect(decide(finding, Action.CIA_TRUST_MS, false)).toBe(Action.CIA_DISCARD);
    expect(decide(finding, Action.CIA_TRUST_OLDEST, false)).toBe(Action.CIA_INTERACT);
    expect(decide(finding, Action.CIA_INTERACT, true)).toBe(Action.CIA_IGNORE);
  });
});

describe("a check", () => {
  let system: TestSystem | undefined;
  afterEach(async () => {
    await system?.close();
    system = undefined;
  });

  /** A management service with pools that may be registered and removed. */
  function service() {
    const pools = new Map<string, { label: string; svcreps: number[] }>();
    const reports: CheckReport[] = [];
    const handlers = {
      [SrvMethod.CHK_LIST_POOL]: () =>
        toBinary(
          CheckListPoolRespSchema,
          create(CheckListPoolRespSchema, { pools: [...pools].map(([id, p]) => ({ uuid: id, ...p })) }),
        ),
      [SrvMethod.CHK_REG_POOL]: (body: Uint8Array) => {
        const request = fromBinary(CheckRegPoolReqSchema, body);
        pools.set(request.uuid, { label: request.label, svcreps: request.svcreps });
        return toBinary(CheckRegPoolRespSchema, create(CheckRegPoolRespSchema));
      },
      [SrvMethod.CHK_DEREG_POOL]: (body: Uint8Array) => {
        pools.delete(fromBinary(CheckDeregPoolReqSchema, body).uuid);
        return toBinary(CheckDeregPoolRespSchema, create(CheckDeregPoolRespSchema));
      },
      [SrvMethod.CHK_REPORT]: (body: Uint8Array) => {
        const { report } = fromBinary(CheckReportReqSchema, body);
        if (report !== undefined) reports.push(report);
        return toBinary(CheckReportRespSchema, create(CheckReportRespSchema));
      },
    };
    return { pools, reports, handlers };
  }

  const query = (engine: EngineProcess) =>
    engine.call(MgmtMethod.CHK_QUERY, CheckQueryReqSchema, {}, CheckQueryRespSchema);
  const completed = (engine: EngineProcess) =>
    until("the end of the check", async () => {
      const answer = await query(engine);
      return answer.insStatus === InstStatus.CIS_COMPLETED && answer;
    });

  /** Two ranks with one pool, stopped and started again in checker mode. */
  async function checking(ms: ReturnType<typeof service>) {
    system = await testSystem({ upcalls: { handlers: ms.handlers } });
    await system.start(0);
    await system.start(1);
    const created = await createPool(system.engine(0), [0, 1], uuid);
    expect(created.status).toBe(0);
    await Promise.all([system.kill(0), system.kill(1)]);
    await system.start(0, { args: ["-C"] });
    await system.start(1, { args: ["-C"] });
    expect(system.engine(0).ready.checkMode).toBe(true);
    return system;
  }

  test("without -C the engine knows no checker", async () => {
    system = await testSystem();
    const engine = await system.start(0);
    await expect(query(engine)).rejects.toThrow("UNKNOWN_MODULE");
  });

  test("re-adds an orphan pool, drops a dangling one and reports both", async () => {
    const ms = service();
    ms.pools.set("22222222-2222-4222-8222-222222222222", { label: "gone", svcreps: [0] });
    const { engine } = await checking(ms);
    expect((await query(engine(0))).insStatus).toBe(InstStatus.CIS_INIT);
    const start = await engine(0).call(
      MgmtMethod.CHK_START,
      CheckStartReqSchema,
      { ranks: [0, 1] },
      CheckStartRespSchema,
    );
    expect(start.status).toBe(1);
    const answer = await completed(engine(0));
    expect(answer.inconsistency).toMatchObject({ total: 2, repaired: 2, failed: 0 });
    expect(answer.pools.map((p) => p.status)).toEqual([PoolStatus.CPS_CHECKED, PoolStatus.CPS_CHECKED]);
    expect([...ms.pools]).toEqual([[uuid, { label: "tank", svcreps: [0] }]]);
    expect(ms.reports.map((r) => [r.class, r.action, r.result])).toEqual([
      [Class.CIC_POOL_NONEXIST_ON_MS, Action.CIA_READD, 0],
      [Class.CIC_POOL_NONEXIST_ON_ENGINE, Action.CIA_DISCARD, 0],
    ]);
    expect(ms.reports[0]?.timestamp).toMatch(/^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n$/);
  });

  test("asks when it is told to, and does what is answered", async () => {
    const ms = service();
    const { engine } = await checking(ms);
    const policies = [{ inconsistCas: Class.CIC_POOL_NONEXIST_ON_MS, inconsistAct: Action.CIA_INTERACT }];
    await engine(0).call(
      MgmtMethod.CHK_START,
      CheckStartReqSchema,
      { ranks: [0, 1], policies },
      CheckStartRespSchema,
    );
    const asked = await until("the question", () => ms.reports.find((r) => r.action === Action.CIA_INTERACT));
    expect(asked.actChoices).toEqual([Action.CIA_READD, Action.CIA_DISCARD, Action.CIA_IGNORE]);
    await until(
      "the pool to wait",
      async () => (await query(engine(0))).pools[0]?.status === PoolStatus.CPS_PENDING,
    );
    const props = await engine(0).call(MgmtMethod.CHK_PROP, CheckPropReqSchema, {}, CheckPropRespSchema);
    expect(props.policies[Class.CIC_POOL_NONEXIST_ON_MS]?.inconsistAct).toBe(Action.CIA_INTERACT);
    const act = (action: Action) =>
      engine(0).call(
        MgmtMethod.CHK_ACT,
        CheckActReqSchema,
        { seq: asked.seq, act: action },
        CheckActRespSchema,
      );
    expect((await act(Action.CIA_TRUST_OLDEST)).status).toBe(-1003);
    expect((await act(Action.CIA_DISCARD)).status).toBe(0);
    expect((await act(Action.CIA_DISCARD)).status).toBe(-1005);
    await completed(engine(0));
    expect(ms.reports.at(-1)).toMatchObject({ seq: asked.seq, action: Action.CIA_DISCARD, result: 0 });
    // The pool is gone from the engines: a new check finds nothing.
    await engine(0).call(
      MgmtMethod.CHK_START,
      CheckStartReqSchema,
      { ranks: [0, 1], flags: CheckFlag.CF_RESET },
      CheckStartRespSchema,
    );
    expect((await completed(engine(0))).inconsistency).toMatchObject({ total: 0 });
  });

  test("a dry run repairs nothing; a waiting check can be stopped, and its engine restarted", async () => {
    const ms = service();
    const sys = await checking(ms);
    const begin = (flags: number, policies: { inconsistCas: Class; inconsistAct: Action }[] = []) =>
      sys
        .engine(0)
        .call(
          MgmtMethod.CHK_START,
          CheckStartReqSchema,
          { ranks: [0, 1], flags, policies },
          CheckStartRespSchema,
        );
    await begin(CheckFlag.CF_DRYRUN);
    expect((await completed(sys.engine(0))).inconsistency).toMatchObject({ total: 1, repaired: 1 });
    expect(ms.pools.size).toBe(0);
    await begin(CheckFlag.CF_RESET, [
      { inconsistCas: Class.CIC_POOL_NONEXIST_ON_MS, inconsistAct: Action.CIA_INTERACT },
    ]);
    await until(
      "the question",
      async () => (await query(sys.engine(0))).pools[0]?.status === PoolStatus.CPS_PENDING,
    );
    expect((await begin(0)).status).toBe(-1008);
    await sys.kill(0);
    await sys.start(0, { args: ["-C"] });
    expect((await query(sys.engine(0))).insStatus).toBe(InstStatus.CIS_PAUSED);
    expect((await begin(0)).status).toBe(0);
    const stop = await sys.engine(0).call(MgmtMethod.CHK_STOP, CheckStopReqSchema, {}, CheckStopRespSchema);
    expect(stop.status).toBe(0);
    expect((await query(sys.engine(0))).insStatus).toBe(InstStatus.CIS_STOPPED);
    expect((await begin(CheckFlag.CF_AUTO | CheckFlag.CF_NO_AUTO)).status).toBe(-1003);
  });
});
