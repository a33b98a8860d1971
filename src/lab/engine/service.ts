import { Der, DerError } from "./der.ts";
import type { FabricClient, FabricHandler } from "./fabric.ts";
import { FabricError } from "./fabric.ts";
import { introduce, type Lead, type ReplicaPeers, takeLead, writeDocument } from "./leadership.ts";
import type { EngineLog } from "./log.ts";
import type { Membership } from "./membership.ts";
import { moved, type Pool, wishedReplicas, withReplicas } from "./pool.ts";
import { isDisabled, type TargetChange } from "./pool-map.ts";
import { isMajority } from "./quorum.ts";
import type { Ras } from "./ras.ts";
import type { Candidate, Replica, Replicas, ReplicaWrite } from "./replicas.ts";
import { applyServiceOp, type Outcome, type ServiceOp } from "./service-ops.ts";

/** What every operation of the pool service answers. */
export interface ServiceAnswer {
  readonly leader: number;
  /** The document after the operation, with the progress of a running rebuild. */
  readonly pool: Pool;
  readonly count: number;
}

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

const requestTimeoutMs = 2000;
const retryPauseMs = 50;
/** Between "queued" and "started", as long as 2.6 waits for more of the kind; scaled with the rebuild. */
const queueShare = 0.1;

export function createPoolServices(options: PoolServicesOptions): PoolServices {
  const { membership, fabric, replicas, ras, log } = options;
  const leads = new Map<string, Lead>();
  const taking = new Map<string, Promise<Lead>>();
  const rebuilds = new Map<string, { startedAt: number; timer: ReturnType<typeof setTimeout> }>();
  let stopped = false;

  const self = (): number => {
    const rank = membership.self();
    if (rank === undefined) throw new DerError(Der.UNINIT, "this engine has no rank yet");
    return rank;
  };
  const reachable = (rank: number): boolean => {
    const member = membership.member(rank);
    return rank === membership.self() || member?.status === "alive" || member?.status === "suspect";
  };
  const send = async (
    rank: number,
    op: string,
    body: unknown,
    timeoutMs = requestTimeoutMs,
  ): Promise<unknown> => {
    const member = membership.member(rank);
    if (member === undefined) throw new DerError(Der.OOG, `rank ${rank} is not in the group`);
    if (member.status === "dead" || member.status === "left") {
      throw new DerError(Der.UNREACH, `rank ${rank} is ${member.status}`);
    }
    const answer = await fabric.call(member.uri, op, body, timeoutMs);
    membership.heardFrom(rank, member.incarnation);
    return answer;
  };
  const peers: ReplicaPeers = {
    self,
    prepare: async (rank, uuid, term, candidate) =>
      (await send(rank, "replica.prepare", { uuid, term, candidate })) as Replica,
    write: async (rank, write) => void (await send(rank, "replica.write", write)),
    retire: async (rank, uuid, { term, index }) =>
      void (await send(rank, "replica.retire", { uuid, leader: { term, index } })),
  };

  /**
   * The lowest living replica leads; while replicas are moved, one that is to go may still have to.
   * undefined: none lives, as far as is known.
   */
  const leaderOf = ({ before, pool }: Pick<Replica, "before" | "pool">): number | undefined => {
    const missing = without.get(pool.uuid);
    const living = [...before, ...pool.replicas].filter((rank) => reachable(rank) && !missing?.has(rank));
    return living.length === 0 ? undefined : Math.min(...living);
  };

  /** Pools of which a rank has no copy, although a copy here names it as a replica. */
  const without = new Map<string, Set<number>>();

  /** Asks those who should lead whether they can: a copy here may be too old to know that they cannot. */
  const askLeaders = () => {
    const byLeader = new Map<number, string[]>();
    for (const replica of replicas.list()) {
      const leader = leaderOf(replica);
      if (leader === undefined || leader === membership.self()) continue;
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), replica.uuid]);
    }
    for (const [leader, uuids] of byLeader) {
      send(leader, "replica.missing", { uuids }).then(
        (answer) => {
          for (const uuid of answer as string[])
            without.set(uuid, (without.get(uuid) ?? new Set()).add(leader));
        },
        (error: Error) => log.debug(`rank ${leader}: ${error.message}`),
      );
    }
  };

  const stepDown = (uuid: string) => {
    leads.delete(uuid);
    const rebuild = rebuilds.get(uuid);
    clearTimeout(rebuild?.timer);
    rebuilds.delete(uuid);
  };

  const lead = async (uuid: string): Promise<Lead> => {
    const replica = replicas.get(uuid);
    if (replica === undefined) {
      stepDown(uuid);
      throw new FabricError(Der.NOTREPLICA, `no replica of pool ${uuid} here`);
    }
    const leader = leaderOf(leads.get(uuid) ?? replica);
    if (leader !== self()) {
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
    scheduleRebuild(taken);
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
    const outcome: Outcome = applyServiceOp(leading.pool, request);
    if (outcome.pool !== leading.pool) {
      const before = leading.pool.replicas;
      const wished = await preparedReplicas(leading, outcome.pool);
      try {
        await writeDocument(leading, withReplicas(outcome.pool, wished), replicas, peers);
      } catch (error) {
        stepDown(leading.uuid);
        throw error;
      }
      for (const change of outcome.changes) log.print(describe(change));
      if (outcome.queued !== undefined) {
        log.print(
          `Rebuild [queued] (pool=${leading.uuid} ver=${outcome.queued.version}) ` +
            `tgts=${outcome.queued.targets.join(",")}`,
        );
      }
      if (wished.join() !== before.join()) {
        void ras.poolReplicasUpdated(leading.uuid, wished, leading.term);
        for (const rank of before.filter((r) => !wished.includes(r))) {
          retire(leading, rank);
        }
      }
      scheduleRebuild(leading);
    }
    return { leader: self(), pool: withProgress(leading.pool), count: outcome.count };
  };

  /** The replicas a changed pool is to have; those that come new have a copy by then. */
  const preparedReplicas = async (leading: Lead, next: Pool): Promise<readonly number[]> => {
    const current = leading.pool.replicas;
    if (next.map === leading.pool.map) return current;
    const wished = wishedReplicas(next, reachable);
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

  const withProgress = (pool: Pool): Pool => {
    const rebuild = rebuilds.get(pool.uuid);
    if (pool.rebuild.state !== "busy" || rebuild === undefined) return pool;
    const share = Math.min(1000, Math.floor(((Date.now() - rebuild.startedAt) * 1000) / options.rebuildMs));
    const { objects, records } = moved(pool);
    const done = BigInt(Math.max(0, share));
    return {
      ...pool,
      rebuild: { state: "busy", objects: (objects * done) / 1000n, records: (records * done) / 1000n },
    };
  };

  const background = (uuid: string, request: ServiceOp) => {
    apply(uuid, request).catch((error: Error) => {
      if (!stopped) log.info(`pool ${uuid}: ${request.op}: ${error.message}`);
    });
  };

  const scheduleRebuild = (leading: Lead) => {
    const [task] = leading.pool.rebuildQueue;
    const uuid = leading.uuid;
    if (task === undefined || rebuilds.has(uuid) || stopped || !options.automatic) return;
    const queueMs = options.rebuildMs * queueShare;
    const start = () => {
      log.print(`Rebuild [started] (pool ${uuid} ver=${task.version}/0)`);
      void ras.rebuild("started", uuid, task.version);
      rebuilds.set(uuid, { startedAt: Date.now(), timer: setTimeout(finish, options.rebuildMs - queueMs) });
    };
    const finish = () => {
      rebuilds.delete(uuid);
      apply(uuid, { op: "finish-rebuild" }).then(
        ({ pool }) => {
          const { objects, records } = moved(pool);
          log.print(
            `Rebuild [completed] (pool ${uuid} leader ${self()} term ${leading.term} ver=${task.version}, ` +
              `toberb_obj=${objects}, rb_obj=${objects}, rec=${records} done 1 status 0 ` +
              `duration=${Math.round(options.rebuildMs / 1000)} secs)`,
          );
          void ras.rebuild("finished", uuid, task.version);
        },
        (error: Error) => log.info(`pool ${uuid}: rebuild is left to another leader: ${error.message}`),
      );
    };
    rebuilds.set(uuid, { startedAt: Date.now() + queueMs, timer: setTimeout(start, queueMs) });
  };

  const call = async (uuid: string, ranks: readonly number[], request: ServiceOp): Promise<ServiceAnswer> => {
    const deadline = Date.now() + options.serviceTimeoutMs;
    let candidates = [...new Set(ranks)];
    let hint: number | undefined;
    let next = 0;
    let last = "no rank was asked";
    while (Date.now() < deadline) {
      if (candidates.length === 0) {
        throw new DerError(Der.NOTREPLICA, `pool ${uuid}: none of ranks ${ranks.join(",")} is a replica`);
      }
      const rank = hint ?? (candidates[next++ % candidates.length] as number);
      hint = undefined;
      try {
        if (rank === membership.self()) return await apply(uuid, request);
        const timeoutMs = Math.max(requestTimeoutMs, deadline - Date.now());
        return (await send(rank, "service.call", { uuid, request }, timeoutMs)) as ServiceAnswer;
      } catch (error) {
        if (!(error instanceof DerError)) throw error;
        last = error.message;
        if (error.status === Der.NOTREPLICA || error.status === Der.OOG) {
          candidates = candidates.filter((candidate) => candidate !== rank);
          continue;
        }
        if (error.status === Der.NOTLEADER && error instanceof FabricError) {
          const leader = (error.hint as { rank?: number } | undefined)?.rank;
          if (leader !== undefined && leader !== rank) {
            hint = leader;
            if (!candidates.includes(leader)) candidates.push(leader);
          }
        } else if (![Der.UNREACH, Der.TIMEDOUT, Der.NOTLEADER, Der.UNINIT].includes(error.status as never)) {
          throw error;
        }
        if (hint === undefined) await Bun.sleep(retryPauseMs);
      }
    }
    throw new DerError(Der.TIMEDOUT, `pool ${uuid}: no leader found: ${last}`);
  };

  const drop = async (uuid: string) => {
    stepDown(uuid);
    await replicas.remove(uuid);
  };

  return {
    handlers: {
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
          if (held !== undefined && !held.pool.replicas.includes(candidate.rank))
            retire(held, candidate.rank);
          throw error;
        }
      },
      "replica.missing": (body) =>
        (body as { uuids: string[] }).uuids.filter((uuid) => replicas.get(uuid) === undefined),
      "replica.write": async (body) => {
        const write = body as ReplicaWrite;
        // A newer copy says anew who the replicas are.
        without.delete(write.uuid);
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
    },
    async spread(pool) {
      const write: ReplicaWrite = { uuid: pool.uuid, term: 0, index: 1, pool, before: pool.replicas };
      await Promise.all(
        pool.replicas.map((rank) => (rank === self() ? replicas.write(write) : peers.write(rank, write))),
      );
    },
    drop,
    call,
    askLeaders,
    reconsider() {
      if (membership.self() === undefined || stopped || !options.automatic) return;
      for (const replica of replicas.list()) {
        const held = leads.get(replica.uuid);
        if (held !== undefined) excludeLost(held);
        if (held !== undefined || taking.has(replica.uuid)) continue;
        const living = new Set(replica.pool.replicas.filter(reachable));
        if (leaderOf(replica) !== membership.self() || !isMajority(replica.pool.replicas, living)) continue;
        background(replica.uuid, { op: "read" });
      }
    },
    rankAlive(rank) {
      for (const missing of without.values()) missing.delete(rank);
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

const words: Readonly<Record<string, string>> = {
  DOWN: "is down.",
  DRAIN: "is draining.",
  DOWNOUT: "is excluded",
  UPIN: "is reintegrated.",
  UP: "start reintegration.",
};

/** The phrases that tools look for in the engine's output. */
function describe({ target, from }: TargetChange): string {
  const what = target.state === "UP" && from === "NEW" ? "is being extended." : words[target.state];
  return (
    `Target[${target.id}] (rank ${target.rank} idx ${target.index} status ${target.state} ` +
    `in/out ver ${target.inVersion}/${target.outVersion} fseq ${target.failSeq}) ${what}`
  );
}
