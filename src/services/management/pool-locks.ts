import { randomUUID } from "node:crypto";
import { faultPoolLocked } from "../../system/faults.ts";

/** Keeps two operations from working on one pool at a time. Local to the leader; not written down. */
export interface PoolLocks {
  isLocked(poolUuid: string): boolean;
  /** Runs `work` with the pool locked. @throws Fault 402 when it is locked already. */
  withLock<T>(poolUuid: string, work: () => Promise<T>): Promise<T>;
}

export function createPoolLocks(now: () => Date): PoolLocks {
  const held = new Map<string, { readonly id: string; readonly takenAt: string }>();
  return {
    isLocked: (poolUuid) => held.has(poolUuid),
    async withLock(poolUuid, work) {
      const other = held.get(poolUuid);
      if (other !== undefined) throw faultPoolLocked(poolUuid, other.id, other.takenAt);
      held.set(poolUuid, { id: randomUUID(), takenAt: now().toISOString() });
      try {
        return await work();
      } finally {
        held.delete(poolUuid);
      }
    },
  };
}
