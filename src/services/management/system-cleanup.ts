import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import { PoolEvictReqSchema, PoolEvictRespSchema } from "../../gen/mgmt/pool_pb.ts";
import type { SystemCleanupReq, SystemCleanupRespSchema } from "../../gen/mgmt/system_pb.ts";
import { listPools } from "../../system/pools.ts";
import type { Core } from "./core.ts";
import { callPool } from "./pool-calls.ts";

/** Answers SystemCleanup: every pool drops the handles that one machine holds. */
export function createSystemCleanup(core: Core) {
  return async (request: SystemCleanupReq): Promise<MessageInitShape<typeof SystemCleanupRespSchema>> => {
    const state = core.leader();
    const { sys, machine } = request;
    if (machine === "") throw new Error("SystemCleanup requires a machine name.");
    const results = [];
    for (const { uuid } of listPools(state, false)) {
      const { status, count } = await callPool(
        core,
        MgmtMethod.POOL_EVICT,
        PoolEvictReqSchema,
        create(PoolEvictReqSchema, { sys, id: uuid, machine }),
        PoolEvictRespSchema,
      );
      const msg = status === 0 ? "" : `Unable to clean up handles for machine ${machine} on pool ${uuid}`;
      results.push({ status, msg, poolId: uuid, count });
    }
    return { results };
  };
}
