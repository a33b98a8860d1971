import { errorText } from "../faults/fault.ts";
import { NotLeaderError, UnavailableError } from "../faults/system.ts";
import { KV } from "../gen/etcd/rpc_pb.ts";
import type { Logger } from "../log/logger.ts";
import { createCommitter } from "./committer.ts";
import { type CommitChain, createCommitChain, fitsTransaction, LeadershipLostError } from "./etcd/commits.ts";
import { createElection, type Election, parseLeader, type Term } from "./etcd/election.ts";
import { leaderFence } from "./etcd/fence.ts";
import { bytes, type EtcdKeys, etcdKeys } from "./etcd/keys.ts";
import { type MirrorEvent, openMirror, readAll } from "./etcd/mirror.ts";
import type { EtcdClient } from "./etcd/rpc.ts";
import { faultBatchTooLarge, faultStoreClosed } from "./faults.ts";
import type { Leadership, Store, StoreChange, StoreOp } from "./store.ts";

export interface EtcdStoreOptions {
  readonly client: EtcdClient;
  readonly systemName: string;
  /** Control address of this replica, "ip:port". */
  readonly addr: string;
  /** Control addresses of all replicas: whom callers are sent to who come to the wrong one. */
  readonly replicas: readonly string[];
  /** For faults: what and where the database is. */
  readonly place: string;
  /** Life of the leader's lease, seconds; etcd rounds up to its own least. */
  readonly leaseSeconds: number;
  /** An etcd of our own runs beside us; see election.ts. */
  readonly embedded: boolean;
  readonly log: Logger;
  /** Ends a start that waits for a quorum. */
  readonly signal: AbortSignal;
}

export interface EtcdStore extends Store {
  /** How often leadership was gained and lost since the start. */
  counts(): { readonly gained: number; readonly lost: number };
}

const barrierTimeoutMs = 2_000;

/**
 * The store of a system with several replicas, on an etcd cluster. One replica leads and commits; the others follow
 * with a copy of their own. Resolves when there is a quorum and the copy is complete.
 */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<EtcdStore> {
  const { client, addr, replicas, place, log } = options;
  const keys = etcdKeys(options.systemName);
  const leadershipListeners = new Set<(now: Leadership) => void>();
  const changeListeners = new Set<(change: StoreChange) => void>();
  let chain: CommitChain | undefined;
  let election: Election | undefined;
  const counts = { gained: 0, lost: 0 };
  let closing: Promise<void> | undefined;

  const tell = (change: StoreChange): void => {
    for (const listener of changeListeners) listener(change);
  };
  const reset = (): void => tell({ kind: "reset", records: recordsOf(keys, mirror.entries()) });
  const mirror = await openMirror(
    client,
    keys.all,
    {
      onEvents(events) {
        // While we lead, what comes back are our own commits, which are applied already.
        const ops = chain === undefined ? opsOf(keys, events) : [];
        if (ops.length > 0) tell({ kind: "ops", ops });
        if (events.some(({ key }) => key === keys.leader)) election?.leaderChanged();
      },
      onReset() {
        if (chain === undefined) reset();
        election?.leaderChanged();
      },
    },
    log,
    options.signal,
  );

  const leadership = (): Leadership => {
    const term = election?.current();
    if (term !== undefined) return { leader: true, term: term.term, leaderHint: addr };
    const entry = mirror.get(keys.leader);
    const hint = parseLeader(entry?.value)?.addr ?? "";
    // One that has lost its lease must not send callers to itself.
    return { leader: false, term: entry?.modRevision ?? 0n, leaderHint: hint === addr ? "" : hint };
  };
  const announce = (): void => {
    const now = leadership();
    for (const listener of leadershipListeners) listener(now);
  };
  const notLeader = (): NotLeaderError =>
    new NotLeaderError(
      leadership().leaderHint,
      replicas.filter((replica) => replica !== addr),
    );

  election = createElection({
    client,
    keys,
    mirror,
    self: { addr, life: crypto.randomUUID() },
    log,
    leaseSeconds: options.leaseSeconds,
    embedded: options.embedded,
    onGain({ term, lastCommit }: Term) {
      counts.gained++;
      chain = createCommitChain(client, { keys, term, lastCommit, place });
      log.debug(`leadership gained, term ${term}`);
      announce();
    },
    onLoss(reason) {
      counts.lost++;
      chain = undefined;
      log.notice(`leadership of the management service lost: ${reason}`);
      reset();
      announce();
    },
  });

  const write = async (ops: readonly StoreOp[]): Promise<void> => {
    const mine = chain;
    if (mine === undefined || election?.current() === undefined) throw notLeader();
    try {
      await mine.commit(ops);
    } catch (error) {
      if (!(error instanceof LeadershipLostError)) throw error;
      throw notLeader();
    } finally {
      if (mine.broken() && chain === mine) {
        // What is durable is known again once the copy has been followed to the next term.
        election?.resign("what its last commit has done is not known").catch(() => undefined);
      }
    }
  };
  const committer = createCommitter(write, fitsTransaction);

  const confirm = async (): Promise<void> => {
    const term = election?.current();
    if (term === undefined) return followed();
    const answer = await client.call(
      KV.method.txn,
      { compare: leaderFence(keys.leader, term.term), success: [readOp(keys.commit)] },
      barrierTimeoutMs,
    );
    if (!answer.succeeded) throw notLeader();
  };
  /** A linearizable read says which commit is the last; the copy is waited for. */
  const followed = async (): Promise<void> => {
    const { kvs } = await client.call(KV.method.range, { key: bytes(keys.commit) }, barrierTimeoutMs);
    if (!(await mirror.reached(kvs[0]?.modRevision ?? 0n, barrierTimeoutMs))) throw new UnavailableError();
  };
  const barrier = shareNext(async () => {
    try {
      await confirm();
    } catch (error) {
      if (error instanceof NotLeaderError || error instanceof UnavailableError) throw error;
      log.debug(`no quorum for a read: ${errorText(error)}`);
      throw new UnavailableError();
    }
  });

  const close = async (): Promise<void> => {
    await committer.idle();
    election?.close();
    await election
      ?.resign("it was given up")
      .catch((error: unknown) => log.debug(`resigning: ${errorText(error)}`));
    mirror.close();
  };

  return {
    async load() {
      await committer.idle();
      const { entries } = await readAll(client, keys.records);
      return recordsOf(keys, entries);
    },
    commit(ops) {
      if (closing !== undefined) return Promise.reject(faultStoreClosed(place));
      if (ops.length === 0) return Promise.resolve();
      if (!fitsTransaction(ops)) return Promise.reject(faultBatchTooLarge(place, `${ops.length} records`));
      return committer.commit(ops);
    },
    leadership,
    onLeadership(listener) {
      leadershipListeners.add(listener);
      return () => leadershipListeners.delete(listener);
    },
    onChange(listener) {
      changeListeners.add(listener);
      return () => changeListeners.delete(listener);
    },
    barrier,
    counts: () => ({ ...counts }),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** Calls that come while one runs share the next: each is served by a run that began after it. */
function shareNext(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = (): Promise<void> => {
    const mine = run().finally(() => {
      if (running === mine) running = undefined;
    });
    running = mine;
    return mine;
  };
  return () => {
    if (running === undefined) return start();
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return start();
      });
    return next;
  };
}

function readOp(key: string) {
  return { request: { case: "requestRange", value: { key: bytes(key) } } } as const;
}

function recordsOf(
  keys: EtcdKeys,
  entries: ReadonlyMap<string, { readonly value: string }>,
): Map<string, string> {
  const records = new Map<string, string>();
  for (const [key, { value }] of entries) {
    const record = keys.recordKey(key);
    if (record !== undefined) records.set(record, value);
  }
  return records;
}

function opsOf(keys: EtcdKeys, events: readonly MirrorEvent[]): StoreOp[] {
  return events.flatMap(({ key, value }) => {
    const record = keys.recordKey(key);
    return record === undefined ? [] : [{ key: record, value }];
  });
}
