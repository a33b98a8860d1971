import { Der, DerError } from "./der.ts";
import { FabricError } from "./fabric.ts";
import type { EngineLog } from "./log.ts";
import type { Pool } from "./pool.ts";
import { gather, isMajority } from "./quorum.ts";
import { isLater, type Replica, type Replicas, type ReplicaWrite } from "./replicas.ts";

/** What a leader holds of a pool: its term and the newest document. */
export interface Lead {
  readonly uuid: string;
  readonly term: number;
  index: number;
  pool: Pool;
  /** Operations run one after another on this. */
  tail: Promise<unknown>;
}

/** The two messages of leadership, to another rank. */
export interface ReplicaPeers {
  self(): number;
  prepare(rank: number, uuid: string, term: number): Promise<Replica>;
  write(rank: number, write: ReplicaWrite): Promise<void>;
}

const maxAttempts = 5;

/**
 * Takes the lead of a pool: a majority promises a new term, the newest document among them is adopted and
 * written again under the new term.
 * @throws FabricError DER_NOTREPLICA when this rank is no replica any more (its copy is dropped then);
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
    const own = await replicas.prepare(uuid, term, self);
    const promised = new Set([self]);
    let newest: Replica = own;
    let overtaken = 0;
    let removed = false;
    const others = own.pool.replicas.filter((rank) => rank !== self);
    await gather(
      others,
      (rank) => peers.prepare(rank, uuid, term),
      (rank, answer) => {
        if (!(answer instanceof Error)) {
          promised.add(rank);
          if (isLater(answer, newest)) newest = answer;
        } else if (answer instanceof FabricError && answer.status === Der.NOTLEADER) {
          overtaken = Math.max(overtaken, (answer.hint as { promised?: number } | undefined)?.promised ?? 0);
        } else if (answer instanceof FabricError && answer.status === Der.NOTREPLICA) {
          const theirs = answer.hint as { term: number; index: number } | undefined;
          if (theirs !== undefined && isLater(theirs, own)) removed = true;
        }
      },
      () => isMajority(own.pool.replicas, promised),
    );
    if (removed || !newest.pool.replicas.includes(self)) {
      log.notice(`pool ${uuid}: this rank is no replica any more, dropping its copy`);
      await replicas.remove(uuid);
      throw new FabricError(Der.NOTREPLICA, `no replica of pool ${uuid} here`);
    }
    if (overtaken >= term) {
      seen = overtaken;
      continue;
    }
    if (!isMajority(own.pool.replicas, promised)) {
      throw new FabricError(Der.UNREACH, `pool ${uuid}: no majority of its replicas answers`);
    }
    const lead: Lead = { uuid, term, index: newest.index, pool: newest.pool, tail: Promise.resolve() };
    await writeDocument(lead, lead.pool, replicas, peers);
    log.info(`pool ${uuid}: leading in term ${term}`);
    return lead;
  }
  throw new FabricError(Der.NOTLEADER, `pool ${uuid}: others keep taking the lead`);
}

/**
 * Makes `pool` the document: durable on this rank and on majorities of the old and of the new replicas.
 * @throws FabricError DER_NOTLEADER when a later leader exists, DER_TIMEDOUT when no majority takes it (the
 *   outcome is open then, and the caller must give up the lead)
 */
export async function writeDocument(
  lead: Lead,
  pool: Pool,
  replicas: Replicas,
  peers: ReplicaPeers,
): Promise<void> {
  const self = peers.self();
  const before = lead.pool.replicas;
  const write: ReplicaWrite = { uuid: lead.uuid, term: lead.term, index: lead.index + 1, pool };
  const written = new Set<number>();
  const everybody = [...new Set([...before, ...pool.replicas])];
  let over = false;
  const enough = () => over || (isMajority(before, written) && isMajority(pool.replicas, written));
  await gather(
    everybody,
    (rank) => (rank === self ? replicas.write(write) : peers.write(rank, write)),
    (rank, answer) => {
      if (!(answer instanceof Error)) written.add(rank);
      else if (answer instanceof DerError && answer.status === Der.NOTLEADER) over = true;
    },
    // This rank must have it, too: it answers reads from its own copy after a restart.
    () => over || (written.has(self) && enough()),
  );
  if (over) throw new FabricError(Der.NOTLEADER, `pool ${lead.uuid}: term ${lead.term} is over`);
  if (!enough()) throw new FabricError(Der.TIMEDOUT, `pool ${lead.uuid}: no majority took the change`);
  lead.index = write.index;
  lead.pool = pool;
}
