import { Der } from "./der.ts";
import { FabricError } from "./fabric.ts";
import type { Pool } from "./pool.ts";
import type { Documents } from "./storage.ts";

/**
 * This engine's copies of pool service documents. The leader of a pool writes whole documents, fenced by a
 * term: who has promised a term takes nothing of an older one.
 */
export interface Replica {
  readonly uuid: string;
  /** No leader of a lower term may write any more. */
  readonly promised: number;
  /** Term and number of the write that made this copy. */
  readonly term: number;
  readonly index: number;
  readonly pool: Pool;
  /** Replicas whose majority counts as well: those before a move, until that is complete. */
  readonly before: readonly number[];
}

export type ReplicaWrite = Omit<Replica, "promised">;

/** Who wants to lead, and how old its copy is. */
export interface Candidate {
  readonly rank: number;
  readonly term: number;
  readonly index: number;
}

export interface Replicas {
  list(): readonly Replica[];
  get(uuid: string): Replica | undefined;
  /**
   * Promises a term to a would-be leader.
   * @throws FabricError DER_NOTREPLICA when there is no copy here (who has none knows of no promises and
   *   must not vote), or, hint {removedForGood}, when this copy is later than the candidate's and does not
   *   name it; DER_NOTLEADER, hint {promised}, when that term, or a later one, was promised already
   */
  prepare(uuid: string, term: number, candidate: Candidate): Promise<Replica>;
  /**
   * Takes a write, durably.
   * @throws FabricError DER_NOTLEADER, hint {promised}, when the term is over
   */
  write(write: ReplicaWrite): Promise<void>;
  /** Drops a copy that its leader has no use for; one that is later than the leader's stays. */
  retire(uuid: string, leader: { readonly term: number; readonly index: number }): Promise<void>;
  /** Drops the copy of a pool that is destroyed. */
  remove(uuid: string): Promise<void>;
}

/** Equal but for the order. */
export function isSameSet(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((rank) => b.includes(rank));
}

const prefix = "service-";

/** Later wins: by term, then by number. */
export function isLater(a: { term: number; index: number }, b: { term: number; index: number }): boolean {
  return a.term > b.term || (a.term === b.term && a.index > b.index);
}

export async function openReplicas(documents: Documents): Promise<Replicas> {
  const replicas = new Map<string, Replica>();
  for (const name of await documents.names()) {
    if (!name.startsWith(prefix)) continue;
    const replica = (await documents.get(name)) as Replica;
    replicas.set(replica.uuid, replica);
  }
  // Memory may run ahead of the disk, but nobody is told before both agree.
  const keep = async (replica: Replica) => {
    replicas.set(replica.uuid, replica);
    await documents.put(prefix + replica.uuid, replica);
  };

  return {
    list: () => [...replicas.values()],
    get: (uuid) => replicas.get(uuid),
    async prepare(uuid, term, candidate) {
      const replica = replicas.get(uuid);
      if (replica === undefined) throw new FabricError(Der.NOTREPLICA, `no replica of pool ${uuid} here`);
      const voters = [...replica.before, ...replica.pool.replicas];
      if (isLater(replica, candidate) && !voters.includes(candidate.rank)) {
        throw new FabricError(
          Der.NOTREPLICA,
          `rank ${candidate.rank} is no replica of pool ${uuid} any more`,
          {
            // A move that is complete is known to be so by the copy: it names no replicas of before.
            removedForGood: isSameSet(replica.before, replica.pool.replicas),
          },
        );
      }
      if (term <= replica.promised) {
        throw new FabricError(Der.NOTLEADER, `term ${term} of pool ${uuid} is over`, {
          promised: replica.promised,
        });
      }
      const promised = { ...replica, promised: term };
      await keep(promised);
      return promised;
    },
    async write(write) {
      const replica = replicas.get(write.uuid);
      if (replica !== undefined) {
        if (write.term < replica.promised) {
          throw new FabricError(Der.NOTLEADER, `term ${write.term} of pool ${write.uuid} is over`, {
            promised: replica.promised,
          });
        }
        if (!isLater(write, replica)) return;
      }
      await keep({ ...write, promised: write.term });
    },
    async retire(uuid, leader) {
      const replica = replicas.get(uuid);
      if (replica === undefined || isLater(replica, leader)) return;
      replicas.delete(uuid);
      await documents.remove(prefix + uuid);
    },
    async remove(uuid) {
      replicas.delete(uuid);
      await documents.remove(prefix + uuid);
    },
  };
}
