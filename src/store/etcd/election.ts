import { errorText } from "../../faults/fault.ts";
import { KV, Lease, Maintenance } from "../../gen/etcd/rpc_pb.ts";
import type { Logger } from "../../log/logger.ts";
import { leaderFence, unchangedSince } from "./fence.ts";
import { bytes, type EtcdKeys } from "./keys.ts";
import { type KeptLease, keepLease } from "./lease.ts";
import type { Mirror } from "./mirror.ts";
import type { EtcdClient } from "./rpc.ts";

/** What the leader key holds. */
export interface LeaderRecord {
  /** Control address, "ip:port". */
  readonly addr: string;
  /** Tells one life of a server from the next. */
  readonly life: string;
}

/** A term of leadership. */
export interface Term {
  /** Revision that wrote the leader key: what commits are fenced by. */
  readonly term: bigint;
  /** Revision of the last commit before it. */
  readonly lastCommit: bigint;
  readonly lease: KeptLease;
}

export interface ElectionOptions {
  readonly client: EtcdClient;
  readonly keys: EtcdKeys;
  readonly mirror: Mirror;
  readonly self: LeaderRecord;
  readonly log: Logger;
  readonly leaseSeconds: number;
  /** An etcd of our own runs here, whose raft leadership ours follows; else one that others run. */
  readonly embedded: boolean;
  /** The copy holds all that was committed before this term. */
  onGain(term: Term): void;
  onLoss(reason: string): void;
}

export interface Election {
  current(): Term | undefined;
  /** The leader key was written by somebody. */
  leaderChanged(): void;
  /** Gives the leadership up, for this term; anybody may take it at once. */
  resign(reason: string): Promise<void>;
  /** Never stands again. */
  close(): void;
}

/** How often a replica that does not lead looks whether it should. */
const lookMs = 60;
/** A vacant leadership is left to the replica beside raft's leader for so long. */
const courtesyMs = 600;
const callTimeoutMs = 2_000;

export function parseLeader(value: string | undefined): LeaderRecord | undefined {
  return value === undefined ? undefined : (JSON.parse(value) as LeaderRecord);
}

/**
 * Who leads. The leader key is bound to a lease, so a leader that is gone leaves it vacant; but nobody has to wait
 * for that: raft notices within its election timeout that a server is gone, because its traffic passes through
 * daosctl itself, and the replica beside the new raft leader then takes the leadership over at once. That is safe
 * at any time, since every write is fenced by the leader key (fence.ts) and every read that decides something
 * confirms it. The lease bounds how long a leader that is cut off goes on believing in itself.
 */
export function createElection(options: ElectionOptions): Election {
  const { client, keys, mirror, self, log } = options;
  let current: Term | undefined;
  let closed = false;
  let vacantSinceMs: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const lose = (reason: string): void => {
    const ended = current;
    if (ended === undefined) return;
    current = undefined;
    ended.lease.close();
    options.onLoss(reason);
    // Its lease would hold nothing any more; when etcd does not answer it ends by itself.
    client.call(Lease.method.leaseRevoke, { ID: ended.lease.id }).catch(() => undefined);
  };

  /** Should we lead? The revision of the leader key to take over from, undefined: no. */
  const chance = async (): Promise<bigint | undefined> => {
    const found = mirror.get(keys.leader);
    vacantSinceMs = found === undefined ? (vacantSinceMs ?? performance.now()) : undefined;
    if (!options.embedded) return found === undefined ? 0n : undefined;
    const status = await client.call(Maintenance.method.status, {}, callTimeoutMs);
    if (status.isLearner || status.leader === 0n) return undefined;
    if (status.leader === status.header?.memberId) return found?.modRevision ?? 0n;
    const waitedMs = vacantSinceMs === undefined ? 0 : performance.now() - vacantSinceMs;
    return found === undefined && waitedMs > courtesyMs ? 0n : undefined;
  };

  const campaign = async (seen: bigint): Promise<void> => {
    let lost: string | undefined;
    const lease = await keepLease(client, options.leaseSeconds, (reason) => {
      lost = reason;
      lose(reason);
    });
    const giveUp = (): void => {
      lease.close();
      client.call(Lease.method.leaseRevoke, { ID: lease.id }).catch(() => undefined);
    };
    try {
      const answer = await client.call(
        KV.method.txn,
        {
          compare: [unchangedSince(keys.leader, seen)],
          success: [
            {
              request: {
                case: "requestPut",
                value: { key: bytes(keys.leader), value: bytes(JSON.stringify(self)), lease: lease.id },
              },
            },
            { request: { case: "requestRange", value: { key: bytes(keys.commit) } } },
          ],
        },
        callTimeoutMs,
      );
      if (!answer.succeeded) return giveUp();
      const term = answer.header?.revision ?? 0n;
      const last = answer.responses[1]?.response;
      const lastCommit = last?.case === "responseRange" ? (last.value.kvs[0]?.modRevision ?? 0n) : 0n;
      if (!(await mirror.reached(term, callTimeoutMs)))
        throw new Error("the copy of the system does not follow");
      if (closed || lost !== undefined || mirror.get(keys.leader)?.modRevision !== term) return giveUp();
      current = { term, lastCommit, lease };
      options.onGain(current);
    } catch (error) {
      giveUp();
      throw error;
    }
  };

  const look = async (): Promise<void> => {
    if (current === undefined) {
      try {
        const seen = await chance();
        if (seen !== undefined && !closed) await campaign(seen);
      } catch (error) {
        log.debug(`standing for leader: ${errorText(error)}`);
      }
    }
    if (!closed) timer = setTimeout(() => void look(), lookMs);
  };
  void look();

  return {
    current: () =>
      current !== undefined && performance.now() < current.lease.validUntilMs() ? current : undefined,
    leaderChanged() {
      if (current !== undefined && mirror.get(keys.leader)?.modRevision !== current.term) {
        lose("another replica has taken it over");
      }
    },
    async resign(reason) {
      const ended = current;
      if (ended === undefined) return;
      lose(reason);
      await client.call(
        KV.method.txn,
        {
          compare: leaderFence(keys.leader, ended.term),
          success: [{ request: { case: "requestDeleteRange", value: { key: bytes(keys.leader) } } }],
        },
        callTimeoutMs,
      );
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
