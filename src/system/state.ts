import type { SystemState } from "./types.ts";

/**
 * A system nobody has joined. Rank 0 is kept for the first engine of the bootstrap replica, so the first
 * rank to give away is 1 (2.6 does the same).
 */
export function emptyState(): SystemState {
  return {
    version: 0n,
    nextRank: 1,
    mapVersion: 0,
    members: new Map(),
    pools: new Map(),
    attributes: new Map(),
    domainIds: new Map(),
    findings: new Map(),
    ranksByUuid: new Map(),
    poolsByLabel: new Map(),
  };
}
