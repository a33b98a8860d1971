import type { Leadership, Store, StoreChange, StoreOp } from "../../../src/store/store.ts";

/** What replicas in memory share, with a leadership that tests give and take. */
export interface SharedRecords {
  readonly records: Map<string, string>;
  readonly stores: MemoryStore[];
  /** Who leads: the address, or "" for nobody. */
  leader: string;
  term: bigint;
}

export interface MemoryStore extends Store {
  /** Tells this replica that the leadership has changed. */
  announce(): void;
  /** Commits wait until this is called again with false. */
  hold(held: boolean): void;
  /** Tells this replica what another one has committed. */
  tell(change: StoreChange): void;
}

export function sharedRecords(leader: string): SharedRecords {
  return { records: new Map(), stores: [], leader, term: 1n };
}

export function memoryStore(shared: SharedRecords, addr: string): MemoryStore {
  const listeners = new Set<(now: Leadership) => void>();
  const followers = new Set<(change: StoreChange) => void>();
  let held: Promise<void> | undefined;
  let release: () => void = () => undefined;
  const leadership = (): Leadership => ({
    leader: shared.leader === addr,
    term: shared.term,
    leaderHint: shared.leader,
  });
  const store: MemoryStore = {
    load: async () => new Map(shared.records),
    async commit(ops: readonly StoreOp[]) {
      const { term } = leadership();
      await held;
      if (shared.leader !== addr || shared.term !== term) throw new Error("fenced: no longer the leader");
      for (const { key, value } of ops) {
        if (value === undefined) shared.records.delete(key);
        else shared.records.set(key, value);
      }
      for (const other of shared.stores) if (other !== store) other.tell({ kind: "ops", ops });
    },
    leadership,
    onLeadership(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onChange(follower) {
      followers.add(follower);
      return () => followers.delete(follower);
    },
    barrier: async () => undefined,
    async close() {
      shared.stores.splice(shared.stores.indexOf(store), 1);
    },
    tell(change) {
      for (const follower of followers) follower(change);
    },
    announce() {
      if (!leadership().leader) store.tell({ kind: "reset", records: new Map(shared.records) });
      for (const listener of listeners) listener(leadership());
    },
    hold(now) {
      release();
      held = now
        ? new Promise((resolve) => {
            release = resolve;
          })
        : undefined;
    },
  };
  shared.stores.push(store);
  return store;
}
