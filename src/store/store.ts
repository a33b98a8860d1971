/**
 * Where the system is kept. Keys are paths ("member/7", "pool/<uuid>", "attr/<key>", "meta/nextRank"),
 * values are JSON text; what they mean is the business of system/records.ts. sqlite.ts is the store of
 * one replica, etcd.ts that of three or five.
 */
export interface StoreOp {
  readonly key: string;
  /** The new value, or undefined to remove the key. */
  readonly value: string | undefined;
}

export interface Leadership {
  readonly leader: boolean;
  /** Rises with every change of leader; writes are fenced by it. */
  readonly term: bigint;
  /** "ip:port" of the leader as far as known, or "". */
  readonly leaderHint: string;
}

export interface Store {
  /** Every key and value, read linearizably. */
  load(): Promise<ReadonlyMap<string, string>>;
  /**
   * Commits the batch atomically; resolves only when it would survive power loss.
   * @throws NotLeaderError when this replica may not write (any more); nothing was written then.
   */
  commit(ops: readonly StoreOp[]): Promise<void>;
  leadership(): Leadership;
  /** Called at each gain and loss; returns the way to stop listening. */
  onLeadership(listener: (now: Leadership) => void): () => void;
  close(): Promise<void>;
}
