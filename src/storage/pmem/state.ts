import {
  faultScmNotHealthy,
  faultScmNotInterleaved,
  faultScmPartialCapacity,
  faultScmUnknownMode,
} from "../../faults/scm.ts";

/** A region as the state machine sees it: at most one a socket. */
export interface Region {
  readonly socketId: number;
  readonly type: string;
  readonly health: string;
  readonly capacityBytes: bigint;
  readonly freeBytes: bigint;
  /** Interleave set, which names the region to the kernel's drivers as well. */
  readonly isetId: string;
}

/** States of PMem, in 2.6's words. */
export type PmemStateName =
  | "NoModules"
  | "NoRegions"
  | "FreeCapacity"
  | "NoFreeCapacity"
  | "PartialFreeCapacity"
  | "NotInterleaved"
  | "NotHealthy"
  | "UnknownMode";

export interface PmemState {
  readonly state: PmemStateName;
  /** Set when the state is that of one socket's region. */
  readonly socketId?: number;
}

function regionState(region: Region): PmemStateName {
  if (region.type === "AppDirectNotInterleaved") return "NotInterleaved";
  if (region.type !== "AppDirect") return "UnknownMode";
  if (region.health === "Error") return "NotHealthy";
  if (region.freeBytes === region.capacityBytes) return "FreeCapacity";
  return region.freeBytes === 0n ? "NoFreeCapacity" : "PartialFreeCapacity";
}

/**
 * The state that decides what comes next: that of the first region (by socket) which cannot be used as it is,
 * else whether any region has all its capacity free.
 */
export function pmemState(moduleCount: number, regions: readonly Region[]): PmemState {
  if (moduleCount === 0) return { state: "NoModules" };
  if (regions.length === 0) return { state: "NoRegions" };
  const only = regions.length === 1 ? { socketId: regions[0]!.socketId } : {};
  let free = false;
  for (const region of [...regions].sort((left, right) => left.socketId - right.socketId)) {
    const state = regionState(region);
    if (state === "FreeCapacity") free = true;
    else if (state !== "NoFreeCapacity") return { state, socketId: region.socketId };
  }
  return { state: free ? "FreeCapacity" : "NoFreeCapacity", ...only };
}

/** Sockets that have more than one region, which neither 2.6 nor we can tell apart by socket. */
export function doubledSockets(regions: readonly Region[]): number[] {
  const seen = new Set<number>();
  const doubled = new Set<number>();
  for (const { socketId } of regions) (seen.has(socketId) ? doubled : seen).add(socketId);
  return [...doubled];
}

/** @throws Fault 212 when preparing cannot go on from this state. */
export function refuseBadState({ state, socketId = 0 }: PmemState): void {
  switch (state) {
    case "NotInterleaved":
      throw faultScmNotInterleaved(socketId);
    case "NotHealthy":
      throw faultScmNotHealthy(socketId);
    case "PartialFreeCapacity":
      throw faultScmPartialCapacity(socketId);
    case "UnknownMode":
      throw faultScmUnknownMode(socketId);
    case "NoModules":
    case "NoRegions":
    case "FreeCapacity":
    case "NoFreeCapacity":
  }
}
