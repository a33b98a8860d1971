import { Der, DerError } from "./der.ts";
import { FabricError } from "./fabric.ts";
import type { GroupCalls } from "./group-calls.ts";
import type { Pool } from "./pool.ts";
import type { ServiceOp } from "./service-ops.ts";

/** What every operation of the pool service answers. */
export interface ServiceAnswer {
  readonly leader: number;
  /** The document after the operation, with the progress of a running rebuild. */
  readonly pool: Pool;
  readonly count: number;
}

const retryPauseMs = 50;
/** Least time a rank is given to answer. */
const leastTimeoutMs = 2000;

/** Another rank may still do it. */
function isWorthRetry(status: number): boolean {
  const statuses: readonly number[] = [Der.UNREACH, Der.TIMEDOUT, Der.NOTLEADER, Der.UNINIT];
  return statuses.includes(status);
}

/**
 * Finds the leader of a pool among ranks, by hints and in turn, and has it done there.
 * @param apply does it here
 * @throws DerError as the leader refuses it; DER_NOTREPLICA when none of the ranks is a replica; DER_TIMEDOUT
 *   when no leader is found in time
 */
export async function callLeader(
  calls: GroupCalls,
  apply: (uuid: string, request: ServiceOp) => Promise<ServiceAnswer>,
  uuid: string,
  ranks: readonly number[],
  request: ServiceOp,
  timeoutMs: number,
): Promise<ServiceAnswer> {
  const deadline = Date.now() + timeoutMs;
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
      if (rank === calls.self()) return await apply(uuid, request);
      const restMs = Math.max(leastTimeoutMs, deadline - Date.now());
      return (await calls.send(rank, "service.call", { uuid, request }, restMs)) as ServiceAnswer;
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
      last = error.message;
      if (error.status === Der.NOTREPLICA || error.status === Der.OOG) {
        candidates = candidates.filter((candidate) => candidate !== rank);
        continue;
      }
      if (!isWorthRetry(error.status)) throw error;
      const leader =
        error instanceof FabricError ? (error.hint as { rank?: number } | undefined)?.rank : undefined;
      if (error.status === Der.NOTLEADER && leader !== undefined && leader !== rank) {
        hint = leader;
        if (!candidates.includes(leader)) candidates.push(leader);
      } else {
        await Bun.sleep(retryPauseMs);
      }
    }
  }
  throw new DerError(Der.TIMEDOUT, `pool ${uuid}: no leader found: ${last}`);
}
