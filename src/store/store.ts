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

/** What another replica has committed. */
export type StoreChange =
  | { readonly kind: "ops"; readonly ops: readonly StoreOp[] }
  /** Everything anew: the copy had lost touch, or may hold what was never committed. */
  | { readonly kind: "reset"; readonly records: ReadonlyMap<string, string> };

export interface Store {
  /** Every key and value, read linearizably. */
  load(): Promise<ReadonlyMap<string, string>>;
  /**
   * Commits the batch atomically; resolves only when it would survive power loss.
   * @throws NotLeaderError when this replica may not write (any more); nothing was written then.
   *   Fault 600 when the store failed: it says whether anything may have been written.
   */
  commit(ops: readonly StoreOp[]): Promise<void>;
  leadership(): Leadership;
  /** Called at each gain and loss; returns the way to stop listening. */
  onLeadership(listener: (now: Leadership) => void): () => void;
  /**
   * What others commit, in order, while this replica does not lead: with it the copy made by load() follows
   * the system. At a gain of leadership all of it has been told before onLeadership's listeners are; a loss
   * begins with a reset. A store of one replica has no others and tells nothing.
   */
  onChange(listener: (change: StoreChange) => void): () => void;
  /**
   * Resolves when everything that was committed before the call, by whichever replica, has been told to
   * onChange's listeners; on the leader, when it was still the leader after the call. What is read from
   * memory after that is a linearizable read. Writes nothing.
   * @throws NotLeaderError when leadership was lost meanwhile; UnavailableError without a quorum.
   */
  barrier(): Promise<void>;
  close(): Promise<void>;
}
