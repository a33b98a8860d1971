import { faultScmCommand, faultScmInvalidPMem } from "../../faults/scm.ts";
import type { PmemNamespace } from "../../hardware/pmem.ts";
import { doubledSockets, type PmemState, pmemState, type Region, refuseBadState } from "./state.ts";

/** The kernel's name of a region and what is free of it (ndctl list -R). */
export interface KernelRegion {
  readonly name: string;
  readonly isetId: string;
  readonly numaNode: number;
  readonly availableBytes: bigint;
}

/** What is found on the host; a plan is made of nothing else, so that a run that was cut off can be run again. */
export interface PmemObservation {
  readonly moduleCount: number;
  readonly regions: readonly Region[];
  readonly kernelRegions: readonly KernelRegion[];
  readonly namespaces: readonly PmemNamespace[];
}

export interface PmemRequest {
  /** Only this socket; undefined: all. */
  readonly socketId?: number;
  /** From 1 to 4. */
  readonly namespacesPerSocket: number;
}

export type PmemAction =
  | { readonly do: "delete-goals"; readonly socketId?: number }
  | { readonly do: "create-goal"; readonly socketId?: number }
  | { readonly do: "create-namespace"; readonly region: string; readonly sizeBytes: bigint }
  | { readonly do: "unmount"; readonly device: string }
  | { readonly do: "destroy-namespace"; readonly name: string };

export interface PmemPlan {
  readonly state: PmemState;
  readonly actions: readonly PmemAction[];
  /**
   * What follows the actions: look again and plan again; reboot, which applies the goal; or nothing, this is
   * the end.
   */
  readonly next: "observe" | "reboot" | "done";
}

const MAX_NAMESPACES_PER_SOCKET = 4;
/** Namespaces are multiples of this. */
const ALIGNMENT_BYTES = 2n * 1024n * 1024n;

function ofSocket<T extends { readonly socketId: number }>(items: readonly T[], socketId?: number): T[] {
  return items.filter((item) => socketId === undefined || item.socketId === socketId);
}

/** The kernel's region of a socket's region: by interleave set, else by the number of the socket (as 2.6). */
function kernelRegionOf(region: Region, { kernelRegions }: PmemObservation): KernelRegion {
  const found =
    kernelRegions.find((one) => one.isetId !== "0" && one.isetId === region.isetId) ??
    kernelRegions.find((one) => one.name === `region${region.socketId}`);
  if (found !== undefined) return found;
  throw faultScmInvalidPMem(`the kernel has no region for the modules of socket ${region.socketId}`);
}

/** Namespaces to make on a region that is free, or that an earlier run of the same request left half done. */
function namespacesToMake(region: Region, observation: PmemObservation, perSocket: number): PmemAction[] {
  const kernel = kernelRegionOf(region, observation);
  const made = observation.namespaces.filter((one) => namespaceRegion(one.name) === kernel.name).length;
  const left = perSocket - made;
  if (left <= 0) return [];
  // What the region itself has free is the last word: labels take a little.
  const sizeBytes = kernel.availableBytes / BigInt(left);
  if (sizeBytes === 0n || sizeBytes % ALIGNMENT_BYTES !== 0n) {
    throw faultScmCommand(
      `creating ${left} namespaces on ${kernel.name}`,
      `available size ${kernel.availableBytes} over ${left} is not a multiple of 2 MiB`,
    );
  }
  return Array.from({ length: left }, () => ({ do: "create-namespace", region: kernel.name, sizeBytes }));
}

/** "namespace1.0" and "pfn1.0" are on "region1". */
function namespaceRegion(name: string): string {
  return `region${/(\d+)\.\d+$/.exec(name)?.[1] ?? ""}`;
}

/** Whether a partly used region is one that the same request was making namespaces on. */
function isHalfDone(region: Region, observation: PmemObservation, perSocket: number): boolean {
  const kernel = kernelRegionOf(region, observation);
  const made = observation.namespaces.filter((one) => namespaceRegion(one.name) === kernel.name).length;
  if (made === 0 || made >= perSocket) return false;
  const used = region.capacityBytes - region.freeBytes;
  return used * BigInt(perSocket) === region.capacityBytes * BigInt(made);
}

/**
 * The next steps of `scm prepare`. From modules to block devices it takes one boot:
 * NoRegions -> goal -> reboot -> FreeCapacity -> namespaces -> NoFreeCapacity.
 * @throws Fault 212 (a region cannot be used), 213 (the end is not as it should be).
 */
export function planPrepare(observation: PmemObservation, request: PmemRequest): PmemPlan {
  const { socketId, namespacesPerSocket: perSocket } = request;
  if (!Number.isInteger(perSocket) || perSocket < 1 || perSocket > MAX_NAMESPACES_PER_SOCKET) {
    throw faultScmCommand(
      "scm prepare",
      `unexpected number of namespaces requested per socket: want [1-${MAX_NAMESPACES_PER_SOCKET}], got ${perSocket}`,
    );
  }
  const regions = ofSocket(observation.regions, socketId);
  const doubled = doubledSockets(regions);
  if (doubled.length > 0) {
    throw faultScmInvalidPMem(`multiple regions assigned to the same socket (${doubled.join(", ")})`);
  }
  const halfDone = regions.filter(
    (region) => isPartial(region) && isHalfDone(region, observation, perSocket),
  );
  const judged = regions.map((region) =>
    halfDone.includes(region) ? { ...region, freeBytes: region.capacityBytes } : region,
  );
  const state = pmemState(observation.moduleCount, judged);
  refuseBadState(state);
  const deleteGoals: PmemAction = { do: "delete-goals", socketId };
  switch (state.state) {
    case "NoRegions":
      return { state, actions: [deleteGoals, { do: "create-goal", socketId }], next: "reboot" };
    case "FreeCapacity": {
      const actions = judged
        .filter((region) => region.freeBytes === region.capacityBytes)
        .flatMap((region) => namespacesToMake(region, observation, perSocket));
      return { state, actions: [deleteGoals, ...actions], next: "observe" };
    }
    case "NoFreeCapacity":
      verifyNamespaces(observation, regions, perSocket);
      return { state, actions: [deleteGoals], next: "done" };
    default:
      return { state, actions: [], next: "done" };
  }
}

function isPartial(region: Region): boolean {
  return region.type === "AppDirect" && region.freeBytes > 0n && region.freeBytes < region.capacityBytes;
}

/** @throws Fault 213 when a region does not have the namespaces that were asked for. */
function verifyNamespaces(observation: PmemObservation, regions: readonly Region[], perSocket: number): void {
  for (const region of regions) {
    const { name } = kernelRegionOf(region, observation);
    const count = observation.namespaces.filter((one) => namespaceRegion(one.name) === name).length;
    if (count !== perSocket) {
      throw faultScmInvalidPMem(
        `unexpected num namespaces on socket ${region.socketId}, want ${perSocket} got ${count}`,
      );
    }
  }
}

/**
 * The steps of `scm reset`: namespaces go now, regions at the next boot (a fresh goal is set for it, as 2.6
 * does, which makes regions anew from all capacity).
 */
export function planReset(observation: PmemObservation, request: Pick<PmemRequest, "socketId">): PmemPlan {
  const { socketId } = request;
  const regions = ofSocket(observation.regions, socketId);
  const state: PmemState =
    doubledSockets(regions).length > 0
      ? { state: "UnknownMode", socketId: socketId ?? doubledSockets(regions)[0] }
      : pmemState(observation.moduleCount, regions);
  if (state.state === "NoModules") return { state, actions: [], next: "done" };
  const deleteGoals: PmemAction = { do: "delete-goals", socketId };
  if (state.state === "NoRegions") return { state, actions: [deleteGoals], next: "done" };
  const kept = new Set(
    socketId === undefined ? [] : regions.map((region) => kernelRegionName(region, observation)),
  );
  const doomed = observation.namespaces.filter(
    (one) => socketId === undefined || kept.has(namespaceRegion(one.name)),
  );
  return {
    state,
    actions: [
      deleteGoals,
      ...doomed.map((one): PmemAction => ({ do: "unmount", device: `/dev/${one.blockDevice}` })),
      ...doomed.map((one): PmemAction => ({ do: "destroy-namespace", name: one.name })),
      { do: "create-goal", socketId },
    ],
    next: "reboot",
  };
}

function kernelRegionName(region: Region, observation: PmemObservation): string {
  const found = observation.kernelRegions.find((one) => one.isetId !== "0" && one.isetId === region.isetId);
  return found?.name ?? `region${region.socketId}`;
}
