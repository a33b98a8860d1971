import { Der, DerError } from "./der.ts";
import { FabricError } from "./fabric.ts";
import type { EngineLog } from "./log.ts";
import type { Pool } from "./pool.ts";
import { gather, isMajority } from "./quorum.ts";
import {
  type Candidate,
  isLater,
  isSameSet,
  type Replica,
  type Replicas,
  type ReplicaWrite,
} from "./replicas.ts";

/** What a leader holds of a pool: its term and the newest document. */
export interface Lead {
  readonly uuid: string;
  readonly term: number;
  index: number;
  pool: Pool;
  /** As of the replica's document. */
  before: readonly number[];
  /** Operations run one after another on this. */
  tail: Promise<unknown>;
}

/** The messages of leadership, to another rank. */
export interface ReplicaPeers {
  self(): number;
  retire(rank: number, uuid: string, leader: { term: number; index: number }): Promise<void>;
  prepare(rank: number, uuid: string, term: number, candidate: Candidate): Promise<Replica>;
  write(rank: number, write: ReplicaWrite): Promise<void>;
}

const maxAttempts = 5;

/**
 * Takes the lead of a pool: a majority promises a new term, the newest document among them is adopted and
 * written again under the new term.
 * @throws FabricError DER_NOTREPLICA when this rank is no replica any more;
 *   DER_UNREACH when no majority answers; DER_NOTLEADER when others keep taking the lead
 */
export async function takeLead(
  uuid: string,
  replicas: Replicas,
  peers: ReplicaPeers,
  log: EngineLog,
): Promise<Lead> {
  const self = peers.self();
  let seen = 0;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const mine = replicas.get(uuid);
    if (mine === undefined) throw new FabricError(Der.NOTREPLICA, `no replica of pool ${uuid} here`);
    const term = Math.max(mine.promised, seen) + 1;
    const candidate: Candidate = { rank: self, term: mine.term, index: mine.index };
    const own = await replicas.prepare(uuid, term, candidate);
    const election = await collectPromises(own, candidate, term, peers);
    if (election.overtakenBy >= term) {
      seen = election.overtakenBy;
      continue;
    }
    if (election.newest === undefined) {
      if (election.removed) {
        log.notice(`pool ${uuid}: this rank is no replica any more`);
        await replicas.retire(uuid, mine);
        throw new FabricError(Der.NOTREPLICA, `this rank is no replica of pool ${uuid} any more`);
      }
      throw new FabricError(Der.UNREACH, `pool ${uuid}: no majority of its replicas answers`);
    }
    const { index, pool, before } = election.newest;
    const lead: Lead = { uuid, term, index, pool, before, tail: Promise.resolve() };
    await writeDocument(lead, pool, replicas, peers);
    log.info(`pool ${uuid}: leading in term ${term}`);
    return lead;
  }
  throw new FabricError(Der.NOTLEADER, `pool ${uuid}: others keep taking the lead`);
}

interface Election {
  /** The document to go on with; undefined: no majority. */
  readonly newest: Replica | undefined;
  /** Highest term that somebody had promised already; 0: none. */
  readonly overtakenBy: number;
  /** A later copy says that this rank is no replica any more, and that this is settled. */
  readonly removed: boolean;
}

/**
 * Asks for promises until there is a document to go on with. A copy with other replicas means that those are
 * asked as well.
 */
async function collectPromises(
  own: Replica,
  candidate: Candidate,
  term: number,
  peers: ReplicaPeers,
): Promise<Election> {
  const promises = new Map([[candidate.rank, own]]);
  const asked = new Set([candidate.rank]);
  let overtakenBy = 0;
  let removed = false;
  for (;;) {
    const copies = [...promises.values()];
    const toAsk = new Set(
      copies.flatMap((copy) => [...copy.before, ...copy.pool.replicas]).filter((rank) => !asked.has(rank)),
    );
    if (toAsk.size === 0 || overtakenBy > 0 || chooseDocument(own, promises) !== undefined) break;
    for (const rank of toAsk) asked.add(rank);
    await gather(
      [...toAsk],
      (rank) => peers.prepare(rank, own.uuid, term, candidate),
      (rank, answer) => {
        if (!(answer instanceof Error)) promises.set(rank, answer);
        else if (answer instanceof FabricError && answer.status === Der.NOTLEADER) {
          overtakenBy = Math.max(
            overtakenBy,
            (answer.hint as { promised?: number } | undefined)?.promised ?? 0,
          );
        } else if (answer instanceof FabricError && answer.status === Der.NOTREPLICA) {
          removed ||= (answer.hint as { removedForGood?: boolean } | undefined)?.removedForGood === true;
        }
      },
      () => chooseDocument(own, promises) !== undefined,
    );
  }
  return { newest: chooseDocument(own, promises), overtakenBy, removed };
}

/**
 * The latest copy for which majorities have promised: of its replicas, of those before it, and of the same by
 * this rank's own copy; counting those alone whose copies are no later. A later copy that has no such
 * majority is a write that failed.
 */
function chooseDocument(own: Replica, promises: ReadonlyMap<number, Replica>): Replica | undefined {
  const latestFirst = [...promises.values()].sort((a, b) => b.term - a.term || b.index - a.index);
  return latestFirst.find((copy) => {
    if (isLater(own, copy)) return false;
    const ranks = new Set([...promises].filter(([, other]) => !isLater(other, copy)).map(([rank]) => rank));
    return [own.before, own.pool.replicas, copy.before, copy.pool.replicas].every((council) =>
      isMajority(council, ranks),
    );
  });
}

/**
 * Makes `pool` the document: durable on this rank and on a majority of the replicas. When the replicas change,
 * first on majorities of the old and of the new ones, then again on the new ones alone; the new ones must have
 * been introduced.
 * @throws FabricError DER_NOTLEADER when a later leader exists, DER_TIMEDOUT when no majority takes it (the
 *   outcome is open then, and the caller must give up the lead)
 */
export async function writeDocument(
  lead: Lead,
  pool: Pool,
  replicas: Replicas,
  peers: ReplicaPeers,
): Promise<void> {
  await writeOnce(lead, pool, lead.before, replicas, peers);
  if (!isSameSet(lead.before, pool.replicas)) await writeOnce(lead, pool, pool.replicas, replicas, peers);
}

/**
 * Gives ranks that are to become replicas a copy, so that they can vote. An old copy they may have from
 * earlier, with promises nobody waits for, is removed.
 * @returns those that took it
 */
export async function introduce(
  lead: Lead,
  ranks: readonly number[],
  peers: ReplicaPeers,
): Promise<number[]> {
  const { uuid, term, index, pool, before } = lead;
  const taken = await Promise.allSettled(
    ranks.map(async (rank) => {
      await peers.retire(rank, uuid, { term, index });
      await peers.write(rank, { uuid, term, index, pool, before });
      return rank;
    }),
  );
  return taken.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

async function writeOnce(
  lead: Lead,
  pool: Pool,
  before: readonly number[],
  replicas: Replicas,
  peers: ReplicaPeers,
): Promise<void> {
  const self = peers.self();
  const write: ReplicaWrite = { uuid: lead.uuid, term: lead.term, index: lead.index + 1, pool, before };
  const written = new Set<number>();
  const everybody = [...new Set([...before, ...pool.replicas])];
  let over = false;
  const majorities = () => isMajority(before, written) && isMajority(pool.replicas, written);
  await gather(
    everybody,
    (rank) => (rank === self ? replicas.write(write) : peers.write(rank, write)),
    (rank, answer) => {
      if (!(answer instanceof Error)) written.add(rank);
      else if (answer instanceof DerError && answer.status === Der.NOTLEADER) over = true;
    },
    // This rank must have it, too: it answers reads from its own copy after a restart.
    () => over || (written.has(self) && majorities()),
  );
  if (over) throw new FabricError(Der.NOTLEADER, `pool ${lead.uuid}: term ${lead.term} is over`);
  if (!majorities()) throw new FabricError(Der.TIMEDOUT, `pool ${lead.uuid}: no majority took the change`);
  lead.index = write.index;
  lead.pool = pool;
  lead.before = before;
}
