import { changeToOps, metaOps, type RecordOp, readCounters, recordToChange } from "./records.ts";
import type { Change, Member, PoolService, SystemState } from "./types.ts";

/**
 * A state being changed. Collections are copied the first time a change touches them, once a draft, so a
 * batch of many changes costs one copy; the state it began from stays as it was.
 */
export interface Draft {
  /** The state with every change so far. Valid until the next change; not to be kept. */
  readonly state: SystemState;
  apply(changes: readonly Change[]): void;
  /** What to commit for these changes to last: a key once, with its last value. Empty: nothing changed. */
  ops(): RecordOp[];
}

/** Applies changes to a state at once. */
export function applyChanges(state: SystemState, changes: readonly Change[]): SystemState {
  const draft = createDraft(state);
  draft.apply(changes);
  return draft.state;
}

/**
 * Follows what another replica has written: the same state as its own, counters and all.
 * @throws Error for records that cannot be read, see stateFromRecords.
 */
export function applyRecords(state: SystemState, ops: readonly RecordOp[]): SystemState {
  const changes = ops.flatMap((op) => recordToChange(op) ?? []);
  return { ...applyChanges(state, changes), ...readCounters(ops) };
}

export function createDraft(base: SystemState): Draft {
  let state: Mutable<SystemState> = { ...base };
  const copied = new Set<keyof SystemState>();
  const ops = new Map<string, string | undefined>();

  const own = <K extends CollectionName>(name: K): Map<string | number, unknown> => {
    if (!copied.has(name)) {
      state = { ...state, [name]: new Map(state[name] as ReadonlyMap<string | number, unknown>) };
      copied.add(name);
    }
    return state[name] as unknown as Map<string | number, unknown>;
  };

  const putMember = (member: Member): void => {
    const old = state.members.get(member.rank);
    own("members").set(member.rank, member);
    if (old?.uuid === member.uuid) return;
    if (old !== undefined) own("ranksByUuid").delete(old.uuid);
    own("ranksByUuid").set(member.uuid, member.rank);
  };

  const removeMember = (rank: number): void => {
    const old = state.members.get(rank);
    if (old === undefined) return;
    own("members").delete(rank);
    own("ranksByUuid").delete(old.uuid);
  };

  const unlabel = (pool: PoolService | undefined): void => {
    if (pool?.label && state.poolsByLabel.get(pool.label) === pool.uuid)
      own("poolsByLabel").delete(pool.label);
  };

  const putPool = (pool: PoolService): void => {
    const old = state.pools.get(pool.uuid);
    own("pools").set(pool.uuid, pool);
    if (old?.label === pool.label) return;
    unlabel(old);
    if (pool.label !== "") own("poolsByLabel").set(pool.label, pool.uuid);
  };

  const applyOne = (change: Change): void => {
    switch (change.kind) {
      case "putMember":
        putMember(change.member);
        return;
      case "removeMember":
        removeMember(change.rank);
        return;
      case "putPool":
        putPool(change.pool);
        return;
      case "removePool":
        unlabel(state.pools.get(change.uuid));
        own("pools").delete(change.uuid);
        return;
      case "setAttribute":
        own("attributes").set(change.key, change.value);
        return;
      case "removeAttribute":
        own("attributes").delete(change.key);
        return;
      case "putDomain":
        own("domainIds").set(change.path, change.id);
        return;
      case "putFinding":
        own("findings").set(change.seq, change.report);
        return;
      case "removeFinding":
        own("findings").delete(change.seq);
        return;
      case "setNextRank":
        state.nextRank = change.nextRank;
        return;
      case "bumpMapVersion":
        state.mapVersion++;
        return;
    }
  };

  return {
    get state() {
      return state;
    },
    apply(changes) {
      if (changes.length === 0) return;
      state = { ...state, version: state.version + 1n };
      for (const change of changes) {
        applyOne(change);
        for (const op of changeToOps(change)) ops.set(op.key, op.value);
      }
    },
    ops() {
      if (state.version === base.version) return [];
      return [...[...ops].map(([key, value]) => ({ key, value })), ...metaOps(state)];
    },
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type CollectionName =
  | "members"
  | "pools"
  | "attributes"
  | "domainIds"
  | "findings"
  | "ranksByUuid"
  | "poolsByLabel";
