import { DaosStatusError, MemberNotFoundError, PoolNotFoundError } from "../faults/system.ts";
import { faultPoolDuplicateLabel } from "./faults.ts";
import { parseUuid } from "./labels.ts";
import { availableStates, inStates } from "./member-state.ts";
import type { Decision, PoolService, SystemState } from "./types.ts";

/** Service replicas a pool may have at most: twice DAOS_PROP_PO_SVC_REDUN_FAC_MAX, and one. */
export const maxPoolServiceReps = 2 * 4 + 1;

/** Statuses of engines the rules here know (`status` rows of codes-2.6.tsv). */
export const DerStatus = {
  Inval: -1003,
  Exist: -1004,
  Nonexist: -1005,
  Already: -1008,
  Busy: -1012,
  Again: -1013,
  Misc: -1025,
  NoService: -2039,
} as const;

/** @throws PoolNotFoundError for an unknown label; a UUID is taken as it is. */
export function resolvePoolId(state: SystemState, id: string): string {
  if (id === "") throw new Error("empty pool id");
  const uuid = parseUuid(id) ?? state.poolsByLabel.get(id);
  if (uuid === undefined) throw new PoolNotFoundError(`label "${id}"`);
  return uuid;
}

/** @throws PoolNotFoundError */
export function findPool(state: SystemState, id: string): PoolService {
  const uuid = resolvePoolId(state, id);
  const pool = state.pools.get(uuid);
  if (pool === undefined) throw new PoolNotFoundError(`uuid ${uuid}`);
  return pool;
}

/**
 * A pool that serves.
 * @throws PoolNotFoundError; DaosStatusError DER_AGAIN while it is being made or destroyed.
 */
export function readyPool(state: SystemState, id: string): PoolService {
  const pool = findPool(state, id);
  if (pool.state !== "Ready") throw new DaosStatusError(DerStatus.Again, "DER_AGAIN(-1013): Try again");
  return pool;
}

/** Ranks that can answer for the pool's service now. @throws Error when there is none. */
export function poolServiceRanks(state: SystemState, pool: PoolService): number[] {
  const ranks = pool.replicas.filter((rank) => {
    const member = state.members.get(rank);
    if (member === undefined) throw new MemberNotFoundError(`rank ${rank}`);
    return inStates(member.state, availableStates);
  });
  if (ranks.length === 0) {
    throw new Error(`unable to find any available service ranks for pool ${pool.uuid}`);
  }
  return ranks;
}

/** Pools by UUID; all, or those that serve. */
export function listPools(state: SystemState, all: boolean): PoolService[] {
  const pools = [...state.pools.values()].filter((pool) => all || pool.state === "Ready");
  return pools.sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
}

/** Writes down a pool about to be made. @throws Fault 609 when the label is taken; Error when the UUID is. */
export function decidePoolCreating(state: SystemState, pool: PoolService): Decision<PoolService> {
  if (state.pools.has(pool.uuid)) throw new Error(`pool ${pool.uuid} already exists`);
  if (state.poolsByLabel.has(pool.label)) throw faultPoolDuplicateLabel(pool.label);
  return { changes: [{ kind: "putPool", pool }], answer: pool };
}

/** Changes parts of a pool; answers it as it is then, or undefined when it is gone. */
export function decidePoolUpdate(
  state: SystemState,
  uuid: string,
  parts: Partial<Omit<PoolService, "uuid" | "lastUpdate">>,
  now: string,
): Decision<PoolService | undefined> {
  const old = state.pools.get(uuid);
  if (old === undefined) return { changes: [], answer: undefined };
  const labelOwner = parts.label ? state.poolsByLabel.get(parts.label) : undefined;
  if (labelOwner !== undefined && labelOwner !== uuid) throw faultPoolDuplicateLabel(parts.label ?? "");
  const pool: PoolService = { ...old, ...parts, lastUpdate: now };
  return { changes: [{ kind: "putPool", pool }], answer: pool };
}

/** Forgets a pool; nothing when it is gone. */
export function decidePoolRemove(state: SystemState, uuid: string): Decision<undefined> {
  return { changes: state.pools.has(uuid) ? [{ kind: "removePool", uuid }] : [], answer: undefined };
}

/**
 * The pool service has told its replicas. A service that tells is made: a pool still "Creating" becomes
 * Ready, unless its creation is under way here. Answers the pool, or undefined when nothing changed.
 */
export function decidePoolReplicas(
  state: SystemState,
  uuid: string,
  replicas: readonly number[],
  under: { readonly creating: boolean },
  now: string,
): Decision<PoolService | undefined> {
  const old = state.pools.get(uuid);
  if (old === undefined || old.state === "Destroying") return { changes: [], answer: undefined };
  const poolState = old.state === "Creating" && !under.creating ? "Ready" : old.state;
  const pool: PoolService = { ...old, state: poolState, replicas: [...replicas], lastUpdate: now };
  return { changes: [{ kind: "putPool", pool }], answer: pool };
}

/**
 * Writes down a pool that the checker has found on engines: a new one, or a known one with what is true of
 * it. Answers 0, or DER_EXIST when another pool has the label.
 */
export function decidePoolRegistered(
  state: SystemState,
  found: { readonly uuid: string; readonly label: string; readonly svcreps: readonly number[] },
  now: string,
): Decision<number> {
  const { uuid, label } = found;
  const owner = state.poolsByLabel.get(label);
  if (owner !== undefined && owner !== uuid) return { changes: [], answer: DerStatus.Exist };
  const old = state.pools.get(uuid);
  const pool: PoolService = {
    uuid,
    label,
    state: old?.state ?? "Ready",
    replicas: [...found.svcreps],
    creationRanks: old?.creationRanks ?? [],
    currentRanks: old?.currentRanks ?? [],
    perRankTierBytes: old?.perRankTierBytes ?? [],
    lastUpdate: now,
  };
  return { changes: [{ kind: "putPool", pool }], answer: 0 };
}
