import { Der } from "./der.ts";
import { FabricError, type FabricHandler } from "./fabric.ts";
import type { FabricClient } from "./fabric-client.ts";
import { createGroupCalls } from "./group-calls.ts";
import { createLeaders } from "./leaders.ts";
import { introduce, type Lead, type ReplicaPeers, takeLead, writeDocument } from "./leadership.ts";
import type { EngineLog } from "./log.ts";
import type { Membership } from "./membership.ts";
import { describeChange, describeQueued } from "./phrases.ts";
import { type Pool, wishedReplicas, withReplicas } from "./pool.ts";
import { isDisabled } from "./pool-map.ts";
import { isMajority } from "./quorum.ts";
import type { Ras } from "./ras.ts";
import { createRebuilds } from "./rebuilds.ts";
import { type Candidate, isSameSet, type Replica, type Replicas, type ReplicaWrite } from "./replicas.ts";
import { callLeader, type ServiceAnswer } from "./service-call.ts";
import { applyServiceOp, type Outcome, type ServiceOp } from "./service-ops.ts";

export interface PoolServices {
  /** Requests of other engines. */
  readonly handlers: Readonly<Record<string, FabricHandler>>;
  /**
   * Puts a new pool's document on all its replicas.
   * @throws DerError when one of them cannot be reached: the caller cleans up
   */
  spread(pool: Pool): Promise<void>;
  /** Removes this rank's copy, whoever leads. */
  drop(uuid: string): Promise<void>;
  /**
   * Finds the leader among `ranks` and has it done there.
   * @throws DerError as the leader refuses it; DER_NOTREPLICA when none of the ranks is a replica;
   *   DER_TIMEDOUT when no leader is found in time
   */
  call(uuid: string, ranks: readonly number[], request: ServiceOp): Promise<ServiceAnswer>;
  /**
   * Called whenever membership has changed, and every second: takes leads that are this rank's by now, and
   * excludes lost ranks from pools led here.
   */
  reconsider(): void;
  /** Called every second: finds out where a copy here is too old to know the leader. */
  askLeaders(): void;
  /** A rank is back: what it has missed of pools led here is sent to it. */
  rankAlive(rank: number): void;
  stop(): void;
}

export interface PoolServicesOptions {
  readonly membership: Membership;
  readonly fabric: FabricClient;
  readonly replicas: Replicas;
  readonly ras: Ras;
  readonly log: EngineLog;
  readonly rebuildMs: number;
  readonly serviceTimeoutMs: number;
  /** Services run by themselves, and tell the server so; not in checker mode, where they only do as told. */
  readonly automatic: boolean;
  /** false once the engine prepares to shut down. */
  excludes(): boolean;
}

const replicaTimeoutMs = 2000;

export function createPoolServices(options: PoolServicesOptions): PoolServices {
  const { membership, fabric, replicas, ras, log } = options;
  const leads = new Map<string, Lead>();
  const taking = new Map<string, Promise<Lead>>();
  let stopped = false;

  const calls = createGroupCalls(membership, fabric);
  const leaders = createLeaders(calls, replicas, log);
  const rebuilds = createRebuilds({
    log,
    ras,
    rebuildMs: options.rebuildMs,
    self: calls.self,
    finish: async (uuid) => (await apply(uuid, { op: "finish-rebuild" })).pool,
  });
  const tell = (rank: number, op: string, body: unknown) => calls.send(rank, op, body, replicaTimeoutMs);
  const peers: ReplicaPeers = {
    self: calls.self,
    prepare: async (rank, uuid, term, candidate) =>
      (await tell(rank, "replica.prepare", { uuid, term, candidate })) as Replica,
    write: async (rank, write) => void (await tell(rank, "replica.write", write)),
    retire: async (rank, uuid, { term, index }) =>
      void (await tell(rank, "replica.retire", { uuid, leader: { term, index } })),
  };

  const stepDown = (uuid: string) => {
    leads.delete(uuid);
    rebuilds.cancel(uuid);
  };

  /** @throws FabricError DER_NOTREPLICA, or DER_NOTLEADER with the leader as hint */
  const lead = async (uuid: string): Promise<Lead> => {
    const replica = replicas.get(uuid);
    if (replica === undefined) {
      stepDown(uuid);
      throw new FabricError(Der.NOTREPLICA, `no replica of pool ${uuid} here`);
    }
    const leader = leaders.leaderOf(leads.get(uuid) ?? replica);
    if (leader !== calls.self()) {
      stepDown(uuid);
      throw new FabricError(Der.NOTLEADER, `rank ${leader} leads pool ${uuid}`, { rank: leader });
    }
    const held = leads.get(uuid);
    if (held !== undefined) return held;
    let attempt = taking.get(uuid);
    if (attempt === undefined) {
      attempt = takeLead(uuid, replicas, peers, log)
        .then((taken) => {
          leads.set(uuid, taken);
          steppedUp(taken);
          return taken;
        })
        .finally(() => taking.delete(uuid));
      taking.set(uuid, attempt);
    }
    return attempt;
  };

  const steppedUp = (taken: Lead) => {
    if (!options.automatic) return;
    void ras.poolReplicasUpdated(taken.uuid, taken.pool.replicas, taken.term);
    rebuilds.schedule(taken);
    excludeLost(taken);
  };

  /** Ranks that are dead, or that the group map names no longer, serve the pool no longer. */
  const excludeLost = ({ uuid, pool }: Lead) => {
    if (!options.excludes() || membership.group().version === 0) return;
    for (const engine of pool.map.engines) {
      const member = membership.member(engine.rank);
      const lost = member === undefined || member.status === "dead";
      if (lost && !isDisabled(engine)) background(uuid, { op: "lose-rank", rank: engine.rank });
    }
  };

  /** One after another: an operation sees what the one before has made durable. */
  const apply = async (uuid: string, request: ServiceOp): Promise<ServiceAnswer> => {
    const leading = await lead(uuid);
    const mine = leading.tail.then(() => applyNow(leading, request));
    leading.tail = mine.catch(() => undefined);
    return mine;
  };

  const applyNow = async (leading: Lead, request: ServiceOp): Promise<ServiceAnswer> => {
    if (leads.get(leading.uuid) !== leading) {
      throw new FabricError(Der.NOTLEADER, `pool ${leading.uuid}: not the leader any more`);
    }
    const outcome = applyServiceOp(leading.pool, request);
    if (outcome.pool !== leading.pool) await commit(leading, outcome);
    return { leader: calls.self(), pool: rebuilds.withProgress(leading.pool), count: outcome.count };
  };

  /** Makes an outcome durable, then tells of it. */
  const commit = async (leading: Lead, outcome: Outcome): Promise<void> => {
    const before = leading.pool.replicas;
    const wished = await preparedReplicas(leading, outcome.pool);
    try {
      await writeDocument(leading, withReplicas(outcome.pool, wished), replicas, peers);
    } catch (error) {
      stepDown(leading.uuid);
      throw error;
    }
    for (const change of outcome.changes) log.print(describeChange(change));
    if (outcome.queued !== undefined) log.print(describeQueued(leading.uuid, outcome.queued));
    if (!isSameSet(wished, before) && options.automatic) {
      void ras.poolReplicasUpdated(leading.uuid, wished, leading.term);
    }
    for (const rank of before.filter((r) => !wished.includes(r))) retire(leading, rank);
    if (options.automatic) rebuilds.schedule(leading);
  };

  /** The replicas a changed pool is to have; those that come new have a copy by then. */
  const preparedReplicas = async (leading: Lead, next: Pool): Promise<readonly number[]> => {
    const current = leading.pool.replicas;
    if (next.map === leading.pool.map) return current;
    const wished = wishedReplicas(next, calls.reachable);
    const added = wished.filter((rank) => !current.includes(rank));
    if (added.length === 0) return wished;
    const taken = await introduce(leading, added, peers);
    const missing = added.filter((rank) => !taken.includes(rank));
    if (missing.length > 0) log.notice(`pool ${next.uuid}: ranks ${missing} cannot hold a replica now`);
    return wished.filter((rank) => !missing.includes(rank));
  };

  /** A replica that was moved away. Should this fail, it is done when that rank wants to lead. */
  const retire = (leading: Lead, rank: number) => {
    peers
      .retire(rank, leading.uuid, leading)
      .catch((error: Error) =>
        log.debug(`pool ${leading.uuid}: replica on rank ${rank} stays for now: ${error.message}`),
      );
  };

  const background = (uuid: string, request: ServiceOp) => {
    apply(uuid, request).catch((error: Error) => {
      if (!stopped) log.info(`pool ${uuid}: ${request.op}: ${error.message}`);
    });
  };

  const handlers: Record<string, FabricHandler> = {
    "service.call": (body) => {
      const { uuid, request } = body as { uuid: string; request: ServiceOp };
      return apply(uuid, request);
    },
    "replica.prepare": async (body) => {
      const { uuid, term, candidate } = body as { uuid: string; term: number; candidate: Candidate };
      try {
        return await replicas.prepare(uuid, term, candidate);
      } catch (error) {
        const held = leads.get(uuid);
        if (held !== undefined && !held.pool.replicas.includes(candidate.rank)) retire(held, candidate.rank);
        throw error;
      }
    },
    "replica.missing": (body) =>
      (body as { uuids: string[] }).uuids.filter((uuid) => replicas.get(uuid) === undefined),
    "replica.write": async (body) => {
      const write = body as ReplicaWrite;
      leaders.forget(write.uuid);
      const held = leads.get(write.uuid);
      if (held !== undefined && write.term > held.term) stepDown(write.uuid);
      await replicas.write(write);
      return {};
    },
    "replica.retire": async (body) => {
      const { uuid, leader } = body as { uuid: string; leader: { term: number; index: number } };
      await replicas.retire(uuid, leader);
      if (replicas.get(uuid) === undefined) stepDown(uuid);
      return {};
    },
  };

  return {
    handlers,
    async spread(pool) {
      const write: ReplicaWrite = { uuid: pool.uuid, term: 0, index: 1, pool, before: pool.replicas };
      const self = calls.self();
      await Promise.all(
        pool.replicas.map((rank) => (rank === self ? replicas.write(write) : peers.write(rank, write))),
      );
    },
    async drop(uuid) {
      stepDown(uuid);
      await replicas.remove(uuid);
    },
    call: (uuid, ranks, request) => callLeader(calls, apply, uuid, ranks, request, options.serviceTimeoutMs),
    askLeaders: leaders.ask,
    reconsider() {
      const self = membership.self();
      if (self === undefined || stopped || !options.automatic) return;
      for (const replica of replicas.list()) {
        const held = leads.get(replica.uuid);
        if (held !== undefined) excludeLost(held);
        if (held !== undefined || taking.has(replica.uuid)) continue;
        const living = new Set(replica.pool.replicas.filter(calls.reachable));
        if (leaders.leaderOf(replica) !== self || !isMajority(replica.pool.replicas, living)) continue;
        background(replica.uuid, { op: "read" });
      }
    },
    rankAlive(rank) {
      leaders.rankAlive(rank);
      for (const { uuid, term, index, pool, before } of leads.values()) {
        if (!pool.replicas.includes(rank)) continue;
        peers
          .write(rank, { uuid, term, index, pool, before })
          .catch((error: Error) => log.debug(`pool ${uuid}: rank ${rank} stays behind: ${error.message}`));
      }
    },
    stop() {
      stopped = true;
      for (const uuid of [...leads.keys()]) stepDown(uuid);
    },
  };
}
