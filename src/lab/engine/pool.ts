import { defaultAcl, mergeAcl, parseAcl, removeFromAcl } from "./acl.ts";
import { Der, DerError } from "./der.ts";
import { planReplicas, redundancyOfReplicas } from "./domains.ts";
import {
  extendMap,
  findTargets,
  type MapOperation,
  newPoolMap,
  type PoolMap,
  type TargetChange,
  updateTargets,
} from "./pool-map.ts";
import { moved } from "./pool-space.ts";
import { defaultProperties, PoolProp, type Properties, type PropertyValue, setProperties } from "./props.ts";

/** An open pool handle: who is connected, from where. */
export interface PoolHandle {
  readonly uuid: string;
  readonly machine: string;
  readonly user: string;
  readonly group: string;
  /** Letters of an ACL: what the user had when it connected. */
  readonly permissions: string;
}

export interface PoolContainer {
  readonly uuid: string;
  readonly label: string;
  readonly owner: string;
  readonly ownerGroup: string;
  /** What its data takes, over the whole pool. */
  readonly usedBytes: bigint;
}

/** One rebuild that is to be done. */
export interface RebuildTask {
  readonly version: number;
  readonly targets: readonly number[];
  /** FINISH will be applied with this. */
  readonly wholeRank: boolean;
  readonly kind: "EXCLUDE" | "DRAIN" | "REINTEGRATE" | "EXTEND";
}

export interface RebuildStatus {
  readonly state: "idle" | "busy" | "done";
  readonly objects: bigint;
  readonly records: bigint;
}

/** Everything the pool service keeps of a pool. Plain data; changed only by the functions below. */
export interface Pool {
  readonly uuid: string;
  readonly map: PoolMap;
  /** Ranks that keep copies of this document. */
  readonly replicas: readonly number[];
  /** Bytes a rank gives to the pool, in each tier. */
  readonly scmBytes: bigint;
  readonly nvmeBytes: bigint;
  readonly properties: Properties;
  readonly owner: string;
  readonly ownerGroup: string;
  readonly acl: readonly string[];
  readonly handles: readonly PoolHandle[];
  readonly containers: readonly PoolContainer[];
  /** false once a destroy has begun: nobody may connect any more. */
  readonly connectable: boolean;
  readonly rebuild: RebuildStatus;
  readonly rebuildQueue: readonly RebuildTask[];
}

export interface NewPool {
  readonly uuid: string;
  readonly engines: readonly { rank: number; node: number; targets: number }[];
  readonly scmBytes: bigint;
  readonly nvmeBytes: bigint;
  readonly properties: readonly { number: number; value: PropertyValue }[];
  readonly owner: string;
  readonly ownerGroup: string;
  readonly acl: readonly string[];
  /** Wished number of service replicas; 0: by the redundancy factor property. */
  readonly replicas: number;
}

const nobody = "NOBODY@";
const idle: RebuildStatus = { state: "idle", objects: 0n, records: 0n };

/** @throws DerError DER_INVAL for bad properties, ACL or replica count */
export function newPool(request: NewPool): Pool {
  if (request.replicas > 9) throw new DerError(Der.INVAL, `invalid numsvcreps ${request.replicas}`);
  const base: Properties =
    request.replicas > 0
      ? { ...defaultProperties, [PoolProp.SVC_REDUN_FAC]: BigInt(redundancyOfReplicas(request.replicas)) }
      : defaultProperties;
  const properties = setProperties(base, request.properties, true);
  const map = newPoolMap(request.engines);
  return {
    uuid: request.uuid,
    map,
    replicas: planReplicas(Number(properties[PoolProp.SVC_REDUN_FAC]), map.engines, []).add,
    scmBytes: request.scmBytes,
    nvmeBytes: request.nvmeBytes,
    properties,
    owner: request.owner || nobody,
    ownerGroup: request.ownerGroup || nobody,
    acl: request.acl.length > 0 ? parseAcl(request.acl) : defaultAcl,
    handles: [],
    containers: [],
    connectable: true,
    rebuild: idle,
    rebuildQueue: [],
  };
}

/** What a change to a pool's targets did. */
export interface PoolChange {
  readonly pool: Pool;
  readonly changes: readonly TargetChange[];
  readonly queued: RebuildTask | undefined;
}

/** Rebuilds happen by themselves unless self_heal says otherwise (bits rebuild and delay_rebuild). */
function rebuilds(pool: Pool): boolean {
  return ((pool.properties[PoolProp.SELF_HEAL] as bigint) & 6n) !== 0n;
}

const noDataSync = 1n;

function afterMapChange(
  pool: Pool,
  update: { map: PoolMap; changes: readonly TargetChange[] },
  kind: RebuildTask["kind"],
  ids: readonly number[],
  wholeRank: boolean,
): PoolChange {
  if (update.map === pool.map) return { pool, changes: [], queued: undefined };
  let changed: Pool = { ...pool, map: update.map };
  let changes = update.changes;
  let queued: RebuildTask | undefined;
  if (pool.properties[PoolProp.REINT_MODE] === noDataSync) {
    // Nothing is copied: what is lost is out at once, what comes back is in at once.
    const operation: MapOperation = kind === "EXCLUDE" || kind === "DRAIN" ? "EXCLUDE_OUT" : "FINISH";
    const finished = updateTargets(changed.map, operation, ids, wholeRank);
    changed = { ...changed, map: finished.map };
    changes = [...changes, ...finished.changes];
  } else if (rebuilds(pool)) {
    queued = { version: update.map.version, targets: ids, wholeRank, kind };
    changed = {
      ...changed,
      rebuild: { state: "busy", objects: 0n, records: 0n },
      rebuildQueue: [...pool.rebuildQueue, queued],
    };
  }
  return { pool: changed, changes, queued };
}

/**
 * The replicas the pool should have now. Only ranks that can be reached are taken in.
 * @returns pool.replicas itself when nothing is to be moved
 */
export function wishedReplicas(pool: Pool, reachable: (rank: number) => boolean): readonly number[] {
  const redundancy = Number(pool.properties[PoolProp.SVC_REDUN_FAC]);
  const engines = pool.map.engines.filter((e) => pool.replicas.includes(e.rank) || reachable(e.rank));
  const { add, remove } = planReplicas(redundancy, engines, pool.replicas);
  if (add.length === 0 && remove.length === 0) return pool.replicas;
  const kept = pool.replicas.filter((rank) => !remove.includes(rank));
  return [...kept, ...add].sort((a, b) => a - b);
}

/** Excludes, drains or reintegrates targets of a rank; no indices: all of them. */
export function changeTargets(
  pool: Pool,
  kind: "EXCLUDE" | "DRAIN" | "REINTEGRATE",
  rank: number,
  indices: readonly number[],
): PoolChange {
  const ids = findTargets(pool.map, rank, indices);
  return afterMapChange(pool, updateTargets(pool.map, kind, ids), kind, ids, false);
}

/** The rank is lost: all its targets, and the engine itself. A rank the pool does not use changes nothing. */
export function loseRank(pool: Pool, rank: number): PoolChange {
  const ids = pool.map.targets.filter((t) => t.rank === rank).map((t) => t.id);
  return afterMapChange(pool, updateTargets(pool.map, "EXCLUDE", ids, true), "EXCLUDE", ids, true);
}

export function extendPool(
  pool: Pool,
  engines: readonly { rank: number; node: number; targets: number }[],
): PoolChange {
  const grown = extendMap(pool.map, engines);
  return afterMapChange(pool, grown, "EXTEND", grown.ids, false);
}

/** Ends the first rebuild of the queue. */
export function finishRebuild(pool: Pool): PoolChange {
  const [task, ...rest] = pool.rebuildQueue;
  if (task === undefined) return { pool, changes: [], queued: undefined };
  const update = updateTargets(pool.map, "FINISH", task.targets, task.wholeRank);
  const changed: Pool = {
    ...pool,
    map: update.map,
    rebuildQueue: rest,
    rebuild:
      rest.length > 0 ? { state: "busy", objects: 0n, records: 0n } : { ...moved(pool), state: "done" },
  };
  return { pool: changed, changes: update.changes, queued: undefined };
}

export function withReplicas(pool: Pool, replicas: readonly number[]): Pool {
  return { ...pool, replicas };
}

export function changeProperties(
  pool: Pool,
  changes: readonly { number: number; value: PropertyValue }[],
): Pool {
  return { ...pool, properties: setProperties(pool.properties, changes, false) };
}

export function overwriteAcl(pool: Pool, entries: readonly string[]): Pool {
  return { ...pool, acl: parseAcl(entries) };
}

export function updateAcl(pool: Pool, entries: readonly string[]): Pool {
  return { ...pool, acl: mergeAcl(pool.acl, entries) };
}

export function deleteFromAcl(pool: Pool, principal: string): Pool {
  return { ...pool, acl: removeFromAcl(pool.acl, principal) };
}

/** All values, among them those that are kept elsewhere than in `properties`. ACL is not a plain value. */
export function propertyValue(pool: Pool, number: number): PropertyValue | undefined {
  switch (number) {
    case PoolProp.OWNER:
      return pool.owner;
    case PoolProp.OWNER_GROUP:
      return pool.ownerGroup;
    case PoolProp.SVC_LIST:
      return `[${pool.replicas.join(",")}]`;
    default:
      return pool.properties[number];
  }
}
