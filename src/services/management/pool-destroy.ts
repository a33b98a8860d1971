import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import { daosStatusText } from "../../faults/daos-status.ts";
import { errorText } from "../../faults/fault.ts";
import {
  ListContReqSchema,
  ListContRespSchema,
  type PoolDestroyReq,
  PoolDestroyReqSchema,
  type PoolDestroyResp,
  PoolDestroyRespSchema,
  PoolEvictReqSchema,
  PoolEvictRespSchema,
} from "../../gen/mgmt/pool_pb.ts";
import { faultPoolHasContainers } from "../../system/faults.ts";
import { groupMap } from "../../system/group-map.ts";
import { DerStatus, decidePoolRemove, decidePoolUpdate, findPool } from "../../system/pools.ts";
import type { PoolService } from "../../system/types.ts";
import type { Core } from "./core.ts";
import { callEngine } from "./engine-call.ts";
import { callPool } from "./pool-calls.ts";
import type { PoolLocks } from "./pool-locks.ts";

/** What engines may take to drop a pool on all ranks. */
const destroyTimeoutMs = 15 * 60_000;

export interface PoolDestroyOptions {
  readonly sys: string;
  /** Whatever its service says: connections are cut, a service that does not answer is passed over. */
  readonly force: boolean;
  /** Containers go with it. */
  readonly recursive: boolean;
}

/** Answers PoolDestroy. */
export function createPoolDestroy(core: Core, locks: PoolLocks) {
  return async (request: PoolDestroyReq): Promise<MessageInitShape<typeof PoolDestroyRespSchema>> => {
    const pool = findPool(core.leader(), request.id);
    return { status: await destroyPool(core, locks, pool.uuid, request) };
  };
}

/**
 * Destroys a pool: connections are evicted, the pool is written down as being destroyed, then all ranks of
 * the system drop it, then it is forgotten. Interrupted anywhere, it is finished by the janitor. Answers
 * the engine's status.
 * @throws Fault 402, 618; PoolNotFoundError.
 */
export function destroyPool(
  core: Core,
  locks: PoolLocks,
  uuid: string,
  options: PoolDestroyOptions,
): Promise<number> {
  return locks.withLock(uuid, async () => {
    const pool = findPool(core.leader(), uuid);
    const status = await leaveService(core, pool, options);
    return status === 0 ? dropEverywhere(core, pool, options) : status;
  });
}

/** Up to the state "Destroying". A pool that was left half made has no service to ask. */
async function leaveService(core: Core, pool: PoolService, options: PoolDestroyOptions): Promise<number> {
  if (pool.state === "Destroying") return 0;
  let evicted = 0;
  if (pool.state !== "Creating") {
    if (!options.recursive) {
      const status = await refuseContainers(core, pool, options);
      if (status !== 0) return status;
    }
    evicted = await evict(core, pool, options);
  }
  if (options.force || (evicted !== DerStatus.Busy && evicted !== DerStatus.NoService)) {
    await core.decide((state) =>
      decidePoolUpdate(state, pool.uuid, { state: "Destroying" }, core.timestamp()),
    );
  }
  if (evicted === 0) return 0;
  core.log.error(`PoolEvict during pool destroy failed: ${daosStatusText(evicted)}`);
  return options.force ? 0 : evicted;
}

async function refuseContainers(core: Core, pool: PoolService, { sys }: PoolDestroyOptions): Promise<number> {
  const request = create(ListContReqSchema, { sys, id: pool.uuid });
  const { status, containers } = await callPool(
    core,
    MgmtMethod.LIST_CONTAINERS,
    ListContReqSchema,
    request,
    ListContRespSchema,
  );
  if (status !== 0) core.log.error(`ListContainers during pool destroy failed: ${daosStatusText(status)}`);
  else if (containers.length > 0) throw faultPoolHasContainers();
  return status;
}

async function evict(core: Core, pool: PoolService, { sys, force }: PoolDestroyOptions): Promise<number> {
  const request = create(PoolEvictReqSchema, { sys, id: pool.uuid, destroy: true, forceDestroy: force });
  try {
    const answer = await callPool(
      core,
      MgmtMethod.POOL_EVICT,
      PoolEvictReqSchema,
      request,
      PoolEvictRespSchema,
    );
    return answer.status;
  } catch (error) {
    if (!force) throw error;
    core.log.error(`PoolEvict during forced pool destroy failed: ${errorText(error)}`);
    return 0;
  }
}

/**
 * Every rank of the system is told, not the pool's service nor the pool's ranks only: the service may be
 * gone, and ranks that were excluded from the pool may be back with what they still hold of it.
 */
async function dropEverywhere(core: Core, pool: PoolService, options: PoolDestroyOptions): Promise<number> {
  const { sys, force, recursive } = options;
  const svcRanks = groupMap(core.leader(), core.isReplica).members.map((member) => member.rank);
  if (svcRanks.length === 0) throw new Error("empty group map (all ranks excluded?)");
  const answer: PoolDestroyResp = await callEngine(
    core.deps.harness,
    MgmtMethod.POOL_DESTROY,
    PoolDestroyReqSchema,
    { sys, id: pool.uuid, force, recursive, svcRanks },
    PoolDestroyRespSchema,
    { timeoutMs: destroyTimeoutMs },
  );
  if (answer.status === 0) await core.decide((state) => decidePoolRemove(state, pool.uuid));
  else core.log.error(`PoolDestroy dRPC call failed: ${daosStatusText(answer.status)}`);
  return answer.status;
}
