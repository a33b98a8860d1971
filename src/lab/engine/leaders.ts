import type { GroupCalls } from "./group-calls.ts";
import type { EngineLog } from "./log.ts";
import type { Replica, Replicas } from "./replicas.ts";

/** Who leads a pool, as far as this rank's copies tell. */
export interface Leaders {
  /**
   * The lowest living replica leads; while replicas are moved, one that is to go may still have to.
   * undefined: none lives, as far as is known.
   */
  leaderOf(copy: Pick<Replica, "before" | "pool">): number | undefined;
  /** Asks those who should lead whether they can: a copy here may be too old to know that they cannot. */
  ask(): void;
  /** A new copy says anew who the replicas are. */
  forget(uuid: string): void;
  /** A rank has come back, perhaps with copies it had not. */
  rankAlive(rank: number): void;
}

const askTimeoutMs = 2000;

export function createLeaders(calls: GroupCalls, replicas: Replicas, log: EngineLog): Leaders {
  /** By pool: ranks that have no copy, although a copy here names them. */
  const without = new Map<string, Set<number>>();

  const leaderOf = ({ before, pool }: Pick<Replica, "before" | "pool">): number | undefined => {
    const missing = without.get(pool.uuid);
    const living = [...before, ...pool.replicas].filter(
      (rank) => calls.reachable(rank) && !missing?.has(rank),
    );
    return living.length === 0 ? undefined : Math.min(...living);
  };

  return {
    leaderOf,
    ask() {
      const byLeader = new Map<number, string[]>();
      for (const replica of replicas.list()) {
        const leader = leaderOf(replica);
        if (leader === undefined || leader === calls.self()) continue;
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), replica.uuid]);
      }
      for (const [leader, uuids] of byLeader) {
        calls.send(leader, "replica.missing", { uuids }, askTimeoutMs).then(
          (answer) => {
            for (const uuid of answer as string[]) {
              without.set(uuid, (without.get(uuid) ?? new Set()).add(leader));
            }
          },
          (error: Error) => log.debug(`rank ${leader}: ${error.message}`),
        );
      }
    },
    forget: (uuid) => void without.delete(uuid),
    rankAlive(rank) {
      for (const missing of without.values()) missing.delete(rank);
    },
  };
}
