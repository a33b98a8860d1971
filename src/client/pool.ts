/** The life of pools: create, list, query, destroy, and moving data between their targets. */
import { wrapError } from "../faults/cause.ts";
import { Fault } from "../faults/fault.ts";
import { DaosStatusError, PoolNotFoundError } from "../faults/system.ts";
import {
  ListPoolsReqSchema,
  ListPoolsRespSchema,
  PoolCreateReqSchema,
  type PoolCreateResp,
  PoolCreateRespSchema,
  PoolDestroyReqSchema,
  PoolDestroyRespSchema,
  PoolDrainReqSchema,
  PoolDrainRespSchema,
  PoolEvictReqSchema,
  PoolEvictRespSchema,
  PoolExcludeReqSchema,
  PoolExcludeRespSchema,
  PoolExtendReqSchema,
  PoolExtendRespSchema,
  type PoolProperty,
  PoolQueryReqSchema,
  type PoolQueryResp,
  PoolQueryRespSchema,
  type PoolQueryTargetInfo,
  PoolQueryTargetReqSchema,
  PoolQueryTargetRespSchema,
  PoolReintegrateReqSchema,
  PoolReintegrateRespSchema,
  PoolServiceState,
  PoolUpgradeReqSchema,
  PoolUpgradeRespSchema,
} from "../gen/mgmt/pool_pb.ts";
import type { DmgClient } from "./context.ts";
import { fanOut } from "./fanout.ts";
import { invokeLeader } from "./invoker.ts";
import { invokeLeaderCounting, type LeaderOptions } from "./leader.ts";
import { unary } from "./unary.ts";

const rpc = {
  create: unary("mgmt.MgmtSvc", "PoolCreate", PoolCreateReqSchema, PoolCreateRespSchema),
  destroy: unary("mgmt.MgmtSvc", "PoolDestroy", PoolDestroyReqSchema, PoolDestroyRespSchema),
  evict: unary("mgmt.MgmtSvc", "PoolEvict", PoolEvictReqSchema, PoolEvictRespSchema),
  exclude: unary("mgmt.MgmtSvc", "PoolExclude", PoolExcludeReqSchema, PoolExcludeRespSchema),
  drain: unary("mgmt.MgmtSvc", "PoolDrain", PoolDrainReqSchema, PoolDrainRespSchema),
  extend: unary("mgmt.MgmtSvc", "PoolExtend", PoolExtendReqSchema, PoolExtendRespSchema),
  reintegrate: unary("mgmt.MgmtSvc", "PoolReintegrate", PoolReintegrateReqSchema, PoolReintegrateRespSchema),
  list: unary("mgmt.MgmtSvc", "ListPools", ListPoolsReqSchema, ListPoolsRespSchema),
  query: unary("mgmt.MgmtSvc", "PoolQuery", PoolQueryReqSchema, PoolQueryRespSchema),
  queryTarget: unary("mgmt.MgmtSvc", "PoolQueryTarget", PoolQueryTargetReqSchema, PoolQueryTargetRespSchema),
  upgrade: unary("mgmt.MgmtSvc", "PoolUpgrade", PoolUpgradeReqSchema, PoolUpgradeRespSchema),
};

/** Creating a large pool takes its time (2.6: PoolCreateTimeout). */
const createTimeoutMs = 10 * 60_000;

/** Statuses a pool request is tried again for: timed out, try again, out of group, unreachable, excluded, group version. */
const retryableStatuses = new Set([-1011, -1013, -1019, -1006, -1032, -1036]);
/** Data plane not started; pool locked by another operation. */
const retryableFaults = new Set([611, 402]);

export function canRetryPoolRequest(error: unknown): boolean {
  if (error instanceof DaosStatusError) return retryableStatuses.has(error.status);
  return error instanceof Fault && retryableFaults.has(error.code);
}

/** How every pool verb is tried again. */
export const poolRetry: LeaderOptions = { canRetry: canRetryPoolRequest };

/** Everything a pool needs to be created; sizes are resolved already. */
export interface PoolCreateRequest {
  readonly user: string;
  readonly userGroup: string;
  readonly acl: readonly string[];
  readonly properties: readonly PoolPropertyValue[];
  /** 0: as many as the servers find right. */
  readonly serviceReplicas: number;
  readonly ranks: readonly number[];
  /** Number of ranks for the servers to choose; 0: all, or those of `ranks`. */
  readonly rankCount: number;
  /** Bytes over all ranks and tiers, with ratios per tier; or else bytes per rank and tier. */
  readonly size:
    | { readonly totalBytes: bigint; readonly tierRatio: readonly number[] }
    | { readonly tierBytes: readonly bigint[] };
  readonly metaBlobBytes: bigint;
}

/** A property as it goes over the wire. */
export interface PoolPropertyValue {
  readonly number: number;
  readonly value: string | bigint | undefined;
}

export function wireProperty({ number, value }: PoolPropertyValue): Pick<PoolProperty, "number" | "value"> {
  if (value === undefined) return { number, value: { case: undefined } };
  return typeof value === "bigint"
    ? { number, value: { case: "numval", value } }
    : { number, value: { case: "strval", value } };
}

export interface PoolCreated {
  readonly uuid: string;
  readonly answer: PoolCreateResp;
}

/**
 * Creates a pool. The UUID is chosen here, so that a request tried again makes no second pool.
 * @throws Error "pool create failed: …" with the cause.
 */
export async function poolCreate(client: DmgClient, wanted: PoolCreateRequest): Promise<PoolCreated> {
  const uuid = crypto.randomUUID();
  const request = {
    uuid,
    sys: client.sys,
    user: wanted.user,
    usergroup: wanted.userGroup,
    acl: [...wanted.acl],
    properties: wanted.properties.map(wireProperty),
    numsvcreps: wanted.serviceReplicas,
    ranks: [...wanted.ranks],
    numranks: wanted.rankCount,
    totalbytes: "totalBytes" in wanted.size ? wanted.size.totalBytes : 0n,
    tierratio: "tierRatio" in wanted.size ? [...wanted.size.tierRatio] : [],
    tierbytes: "tierBytes" in wanted.size ? [...wanted.size.tierBytes] : [],
    metaBlobSize: wanted.metaBlobBytes,
  };
  const answer = await inContext("pool create failed", () =>
    invokeLeader(
      rpc.create,
      client.hosts,
      request,
      { timeoutMs: createTimeoutMs, ...dropUndefined(client) },
      poolRetry,
    ),
  );
  return { uuid, answer };
}

function dropUndefined(client: DmgClient): DmgClient {
  if (client.timeoutMs !== undefined) return client;
  const { timeoutMs: _, ...rest } = client;
  return rest;
}

export async function poolDestroy(
  client: DmgClient,
  pool: string,
  options: { readonly force: boolean; readonly recursive: boolean },
): Promise<void> {
  let retries = 0;
  const counting: LeaderOptions = {
    canRetry(error) {
      const again = canRetryPoolRequest(error);
      if (again) retries++;
      return again;
    },
  };
  const request = { sys: client.sys, id: pool, ...options };
  try {
    await invokeLeaderCounting(rpc.destroy, client.hosts, request, client, counting);
  } catch (error) {
    // The first try may have destroyed it, unnoticed by us.
    if (retries > 0 && error instanceof PoolNotFoundError) return;
    throw wrapError("pool destroy failed", error);
  }
}

export async function poolEvict(client: DmgClient, pool: string): Promise<void> {
  await inContext("pool evict failed", () =>
    invokeLeader(rpc.evict, client.hosts, { sys: client.sys, id: pool }, client, poolRetry),
  );
}

export async function poolUpgrade(client: DmgClient, pool: string): Promise<void> {
  await inContext("pool upgrade failed", () =>
    invokeLeader(rpc.upgrade, client.hosts, { sys: client.sys, id: pool }, client, poolRetry),
  );
}

/** Targets of one rank in a pool; no target named: all of them. */
export interface PoolTargets {
  readonly pool: string;
  readonly rank: number;
  readonly targets: readonly number[];
}

export async function changePoolTargets(
  client: DmgClient,
  verb: "exclude" | "drain" | "reintegrate",
  { pool, rank, targets }: PoolTargets,
): Promise<void> {
  const request = { sys: client.sys, id: pool, rank, targetidx: [...targets] };
  await inContext(`pool ${verb} failed`, async () => {
    if (verb === "exclude") await invokeLeader(rpc.exclude, client.hosts, request, client, poolRetry);
    else if (verb === "drain") await invokeLeader(rpc.drain, client.hosts, request, client, poolRetry);
    else await invokeLeader(rpc.reintegrate, client.hosts, request, client, poolRetry);
  });
}

export async function poolExtend(client: DmgClient, pool: string, ranks: readonly number[]): Promise<void> {
  await inContext("pool extend failed", () =>
    invokeLeader(
      rpc.extend,
      client.hosts,
      { sys: client.sys, id: pool, ranks: [...ranks] },
      client,
      poolRetry,
    ),
  );
}

/** Bits of a pool query's mask (daos_pool.h: DPI_*). */
export const PoolQueryBit = {
  space: 1n << 0n,
  rebuild: 1n << 1n,
  enabled_engines: 1n << 2n,
  disabled_engines: 1n << 3n,
} as const;
const allBits = (1n << 64n) - 1n;
export const defaultQueryMask = allBits & ~(PoolQueryBit.enabled_engines | PoolQueryBit.disabled_engines);
export const healthOnlyQueryMask = allBits & ~(PoolQueryBit.enabled_engines | PoolQueryBit.space);

/** A pool's answer with its state as a client has to see it. */
export async function poolQuery(client: DmgClient, pool: string, queryMask: bigint): Promise<PoolQueryResp> {
  const answer = await invokeLeader(
    rpc.query,
    client.hosts,
    { sys: client.sys, id: pool, queryMask },
    client,
    poolRetry,
  );
  return { ...answer, state: visibleState(answer) };
}

/** Ready when the query worked, unknown without targets, degraded with some of them disabled. */
function visibleState(answer: PoolQueryResp): PoolServiceState {
  if (answer.totalTargets === 0) return PoolServiceState.Unknown;
  const state = answer.status === 0 ? PoolServiceState.Ready : answer.state;
  return state === PoolServiceState.Ready && answer.disabledTargets > 0 ? PoolServiceState.Degraded : state;
}

export async function poolQueryTargets(
  client: DmgClient,
  { pool, rank, targets }: PoolTargets,
): Promise<{ status: number; infos: readonly PoolQueryTargetInfo[] }> {
  const request = { sys: client.sys, id: pool, rank, targets: [...targets] };
  return await invokeLeader(rpc.queryTarget, client.hosts, request, client, poolRetry);
}

/** A pool of the list, with its query's answer when there is one. */
export interface ListedPool {
  readonly uuid: string;
  readonly label: string;
  readonly state: string;
  readonly serviceReplicas: readonly number[];
  readonly query?: PoolQueryResp;
  /** Why it could not be queried. */
  readonly queryError?: unknown;
}

/** All pools, sorted by label, each queried for its usage unless `query` is false. */
export async function listPools(
  client: DmgClient,
  options: { readonly query: boolean },
): Promise<{ status: number; pools: ListedPool[] }> {
  const answer = await invokeLeader(rpc.list, client.hosts, { sys: client.sys }, client);
  const listed: ListedPool[] = answer.pools.map((pool) => ({
    uuid: pool.uuid,
    label: pool.label,
    state: pool.state,
    serviceReplicas: pool.svcReps,
  }));
  if (!options.query) return { status: answer.status, pools: listed };
  const byUuid = new Map(listed.map((pool) => [pool.uuid, pool]));
  const ready = listed.filter((pool) => pool.state === "Ready").map((pool) => pool.uuid);
  const results = await fanOut(ready, (uuid) => poolQuery(client, uuid, 0n), { limit: 16 });
  for (const { host: uuid, value, error } of results) {
    const pool = byUuid.get(uuid)!;
    if (value === undefined) byUuid.set(uuid, { ...pool, queryError: error });
    else if (value.status !== 0) {
      byUuid.set(uuid, {
        ...pool,
        queryError: new DaosStatusError(value.status, `DER status ${value.status}`),
      });
    } else if (value.uuid !== uuid) {
      throw new Error("pool query response uuid does not match request");
    } else byUuid.set(uuid, { ...pool, query: value });
  }
  const pools = [...byUuid.values()].sort((left, right) =>
    left.label < right.label ? -1 : left.label > right.label ? 1 : 0,
  );
  return { status: answer.status, pools };
}

async function inContext<T>(prefix: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw wrapError(prefix, error);
  }
}
