import { formatBytes } from "../faults/bytes.ts";
import {
  faultPoolInvalidNumRanks,
  faultPoolInvalidRanks,
  faultPoolInvalidServiceReps,
  faultPoolNvmeTooSmall,
  faultPoolScmTooSmall,
} from "./faults.ts";
import { availableStates } from "./member-state.ts";
import { ranksInStates } from "./membership.ts";
import { maxPoolServiceReps } from "./pools.ts";
import { sortRanks } from "./ranks.ts";
import type { SystemState } from "./types.ts";

/** Least space of a pool on one target, bytes. */
export const scmMinBytesPerTarget = 16n << 20n;
export const nvmeMinBytesPerTarget = 1n << 30n;

export interface PoolRanksRequest {
  /** Exactly these, when not empty. */
  readonly ranks: readonly number[];
  /** So many of those available; 0: all. */
  readonly numranks: number;
  /** Service replicas; 0: the engine chooses. */
  readonly numsvcreps: number;
}

/**
 * The ranks of a new pool, in order: those asked for, or as many of the available ones as asked for,
 * chosen at random so that small pools spread over the system.
 * @throws Fault 606, 607, 608.
 */
export function poolRanks(
  state: SystemState,
  request: PoolRanksRequest,
  random: () => number = Math.random,
): number[] {
  const available = ranksInStates(state, availableStates);
  const ranks =
    request.ranks.length > 0
      ? namedRanks(available, request.ranks)
      : chosenRanks(available, request.numranks, random);
  if (ranks.length === 0) throw new Error("pool request contains zero target ranks");
  const most = Math.min(ranks.length, maxPoolServiceReps);
  if (request.numsvcreps > most) throw faultPoolInvalidServiceReps(most);
  return ranks;
}

function namedRanks(available: readonly number[], named: readonly number[]): number[] {
  const usable = new Set(available);
  const wanted = sortRanks(new Set(named));
  const invalid = wanted.filter((rank) => !usable.has(rank));
  if (invalid.length > 0) throw faultPoolInvalidRanks(invalid);
  return wanted;
}

function chosenRanks(available: readonly number[], count: number, random: () => number): number[] {
  if (count === 0) return [...available];
  if (count > available.length) throw faultPoolInvalidNumRanks(count, available.length);
  const pot = [...available];
  const chosen: number[] = [];
  while (chosen.length < count) {
    chosen.push(...pot.splice(Math.floor(random() * pot.length), 1));
  }
  return sortRanks(chosen);
}

export interface PoolSizeRequest {
  /** Bytes a rank, SCM then NVMe; or empty, and then totalbytes and tierratio say it. */
  readonly tierbytes: readonly bigint[];
  /** Bytes of the whole pool. */
  readonly totalbytes: bigint;
  /** Shares of the tiers, adding up to 1. */
  readonly tierratio: readonly number[];
  readonly metaBlobSize: bigint;
}

export interface PoolSizeFacts {
  readonly targetCount: number;
  readonly hasNvme: boolean;
  readonly hasMetaRole: boolean;
}

/**
 * Bytes a rank gives the pool, [scm, nvme].
 * @throws Fault 604, 605 when that is less than the targets need; Error for a request that makes no sense.
 */
export function poolTierBytes(request: PoolSizeRequest, facts: PoolSizeFacts, rankCount: number): bigint[] {
  if (rankCount === 0) throw new Error("zero ranks to create a pool on");
  if (facts.targetCount <= 0) throw new Error("zero target count");
  if (request.metaBlobSize > 0n && !facts.hasMetaRole) {
    throw new Error("meta size set in request but md-on-ssd is not enabled in config");
  }
  const [scmBytes, nvmeBytes] = requestedBytes(request, facts, BigInt(rankCount));
  checkMinimums(scmBytes, nvmeBytes, BigInt(facts.targetCount), BigInt(rankCount));
  return [scmBytes, nvmeBytes];
}

function requestedBytes(request: PoolSizeRequest, facts: PoolSizeFacts, ranks: bigint): [bigint, bigint] {
  const { tierbytes, tierratio, totalbytes } = request;
  if (tierbytes.length === 2 && tierratio.length === 0 && totalbytes === 0n) {
    const [scmBytes, nvmeBytes] = tierbytes as [bigint, bigint];
    if (nvmeBytes > 0n && !facts.hasNvme) {
      throw new Error(`${formatBytes(nvmeBytes)} NVMe requested for pool but config has zero bdevs`);
    }
    return [scmBytes, nvmeBytes];
  }
  if (tierbytes.length === 0 && tierratio.length === 2 && totalbytes > 0n) {
    // NVMe was not asked for by size: without any, all of the pool is SCM.
    const [scmRatio, nvmeRatio] = facts.hasNvme ? (tierratio as [number, number]) : [1, 0];
    const share = (ratio: number): bigint => BigInt(Math.floor(Number(totalbytes) * ratio)) / ranks;
    return [share(scmRatio), share(nvmeRatio)];
  }
  throw new Error(
    `unexpected pool create params in request: ${tierbytes.length} tier sizes, ${tierratio.length} tier ratios, ${totalbytes} bytes in total`,
  );
}

function checkMinimums(scmBytes: bigint, nvmeBytes: bigint, targets: bigint, ranks: bigint): void {
  const scmPerRank = scmMinBytesPerTarget * targets;
  const nvmePerRank = nvmeMinBytesPerTarget * targets;
  const totalBytes = (scmPerRank + (nvmeBytes > 0n ? nvmePerRank : 0n)) * ranks;
  if (scmBytes < scmPerRank) {
    throw faultPoolScmTooSmall({
      totalBytes,
      tierBytes: scmPerRank * ranks,
      perTargetBytes: scmMinBytesPerTarget,
    });
  }
  if (nvmeBytes !== 0n && nvmeBytes < nvmePerRank) {
    throw faultPoolNvmeTooSmall({
      totalBytes,
      tierBytes: nvmePerRank * ranks,
      perTargetBytes: nvmeMinBytesPerTarget,
    });
  }
}
