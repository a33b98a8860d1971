import { MgmtMethod } from "../../src/drpc/methods.ts";
import {
  PoolCreateReqSchema,
  PoolCreateRespSchema,
  PoolQueryReqSchema,
  PoolQueryRespSchema,
} from "../../src/gen/mgmt/pool_pb.ts";
import type { EngineProcess } from "./support.ts";

/** All of a query but the disabled, or the enabled ranks. */
export const withEnabled = ~8n & 0xffff_ffff_ffff_ffffn;
export const withDisabled = ~4n & 0xffff_ffff_ffff_ffffn;

/** Creates "tank" on ranks, each on a node of its own. */
export function createPool(
  engine: EngineProcess,
  ranks: number[],
  uuid: string,
  more: { scmBytes?: bigint; nvmeBytes?: bigint; replicas?: number } = {},
) {
  return engine.call(
    MgmtMethod.POOL_CREATE,
    PoolCreateReqSchema,
    {
      uuid,
      sys: "test",
      user: "root@",
      usergroup: "root@",
      ranks,
      numsvcreps: more.replicas ?? (ranks.length > 2 ? 3 : 1),
      faultDomains: [2, 1, ranks.length, ...ranks.flatMap((r) => [1, r + 2, 1]), ...ranks],
      properties: [{ number: 1, value: { case: "strval", value: "tank" } }],
      tierbytes: [more.scmBytes ?? 1_000_000_000n, more.nvmeBytes ?? 0n],
    },
    PoolCreateRespSchema,
  );
}

export function queryPool(engine: EngineProcess, id: string, svcRanks: number[], queryMask = withEnabled) {
  return engine.call(
    MgmtMethod.POOL_QUERY,
    PoolQueryReqSchema,
    { id, svcRanks, queryMask },
    PoolQueryRespSchema,
  );
}
