import { MgmtMethod } from "../../../drpc/methods.ts";
import { DrpcStatusError, Status } from "../../../drpc/status.ts";
import type { DrpcHandler } from "../../../drpc/types.ts";
import { CheckInconsistClass as Class, CheckInstStatus as InstStatus } from "../../../gen/chk/chk_pb.ts";
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
} from "../../../gen/mgmt/check_pb.ts";
import { type CheckedPool, type Checker, openChecker } from "../check.ts";
import { statusOf } from "../der.ts";
import type { Engine } from "../engine.ts";
import { answering, parseUuid } from "./body.ts";

function time(from: { startedAt: number; stoppedAt: number }) {
  return { startTime: BigInt(from.startedAt), miscTime: BigInt(from.stoppedAt) };
}

/** The checker; outside of checker mode the engine does not know the module, as 2.6's does not. */
export function checkHandlers(engine: Engine): Record<number, DrpcHandler> {
  const { log, args } = engine;
  let opening: Promise<Checker> | undefined;
  const checker = (): Promise<Checker> => {
    if (!args.checkMode) throw new DrpcStatusError(Status.UNKNOWN_MODULE, "not in check mode");
    opening ??= openChecker(engine);
    return opening;
  };
  const poolAnswer = (pool: CheckedPool) => ({
    uuid: pool.uuid,
    status: pool.status,
    phase: pool.phase,
    inconsistency: pool.statistics,
    time: time(pool),
    targets: pool.ranks.flatMap((rank) =>
      Array.from({ length: args.targets }, (_, target) => ({
        rank,
        target,
        status: InstStatus.CIS_COMPLETED,
        inconsistency: {},
        time: time(pool),
      })),
    ),
  });

  return {
    [MgmtMethod.CHK_START]: answering(log, CheckStartReqSchema, CheckStartRespSchema, async (request) => ({
      status: await (await checker()).start({
        flags: request.flags,
        ranks: request.ranks,
        uuids: request.uuids.map((uuid) => parseUuid(uuid, "pool")),
        policies: request.policies.map((p) => ({ cls: p.inconsistCas, action: p.inconsistAct })),
      }),
    })),
    [MgmtMethod.CHK_STOP]: answering(log, CheckStopReqSchema, CheckStopRespSchema, async ({ uuids }) => {
      await (await checker()).stop(uuids.map((uuid) => parseUuid(uuid, "pool")));
      return {};
    }),
    [MgmtMethod.CHK_QUERY]: answering(log, CheckQueryReqSchema, CheckQueryRespSchema, async (request) => {
      // This answer's status has another name than everywhere else.
      const open = await checker();
      try {
        const uuids = request.uuids.map((uuid) => parseUuid(uuid, "pool"));
        const state = open.state();
        return {
          insStatus: state.status,
          insPhase: state.phase,
          inconsistency: state.statistics,
          time: time(state),
          pools: state.pools.filter((p) => uuids.length === 0 || uuids.includes(p.uuid)).map(poolAnswer),
        };
      } catch (error) {
        return { reqStatus: statusOf(error) };
      }
    }),
    [MgmtMethod.CHK_PROP]: answering(log, CheckPropReqSchema, CheckPropRespSchema, async () => {
      const { flags, policies } = (await checker()).state();
      const classes = Object.values(Class).filter(
        (c): c is Class => typeof c === "number" && c < Class.CIC_UNKNOWN,
      );
      return {
        flags,
        policies: classes.map((cls) => ({ inconsistCas: cls, inconsistAct: policies[cls] ?? 0 })),
      };
    }),
    [MgmtMethod.CHK_ACT]: answering(log, CheckActReqSchema, CheckActRespSchema, async (request) => {
      await (await checker()).act(Number(request.seq), request.act, request.forAll);
      return {};
    }),
  };
}
