import type { EngineArgs } from "./args.ts";
import { Der, DerError } from "./der.ts";
import type { Devices } from "./devices.ts";
import type { EngineEnvironment } from "./environment.ts";
import type { FabricClient } from "./fabric-client.ts";
import { createGroupCalls } from "./group-calls.ts";
import type { EngineLog } from "./log.ts";
import type { Membership } from "./membership.ts";
import type { Ras } from "./ras.ts";
import type { Replicas } from "./replicas.ts";
import type { PoolServices } from "./service.ts";
import type { Capacity, Shards } from "./shards.ts";
import type { Documents } from "./storage.ts";
import type { Upcalls } from "./upcall.ts";

/** One emulated engine: its parts, as the dRPC handlers see them. */
export interface Engine {
  readonly args: EngineArgs;
  readonly environment: EngineEnvironment;
  readonly log: EngineLog;
  readonly hostname: string;
  readonly incarnation: bigint;
  readonly documents: Documents;
  readonly membership: Membership;
  readonly fabric: FabricClient;
  readonly services: PoolServices;
  readonly replicas: Replicas;
  readonly shards: Shards;
  readonly devices: Devices;
  readonly ras: Ras;
  readonly upcalls: Upcalls;
  capacity(): Capacity;
  /** Set by PrepShutdown: from then on nobody is excluded from pools. */
  shuttingDown: boolean;
}

/** @throws DerError DER_UNINIT before SetRank */
export function rankOf(engine: Engine): number {
  const rank = engine.membership.self();
  if (rank === undefined) throw new DerError(Der.UNINIT, "this engine has no rank yet");
  return rank;
}

/** How long an engine waits for another one to do something on its storage. */
export const peerTimeoutMs = 10_000;

/**
 * A request to a rank of the group; this engine itself must be asked directly.
 * @throws DerError DER_OOG when the group has no such rank, DER_UNREACH when it is dead or does not answer
 */
export function askRank(engine: Engine, rank: number, op: string, body: unknown): Promise<unknown> {
  return createGroupCalls(engine.membership, engine.fabric).send(rank, op, body, peerTimeoutMs);
}

/** Runs on every rank at once; the first failure is thrown when all have ended. */
export async function onRanks<T>(
  ranks: readonly number[],
  work: (rank: number) => Promise<T>,
): Promise<Map<number, T>> {
  const results = await Promise.allSettled(ranks.map(work));
  const failed = results.find((r) => r.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return new Map(results.map((r, i) => [ranks[i] as number, (r as PromiseFulfilledResult<T>).value]));
}
