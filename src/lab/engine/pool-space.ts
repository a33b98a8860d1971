import type { Pool } from "./pool.ts";
import { isDisabled } from "./pool-map.ts";

export interface TierSpace {
  readonly total: bigint;
  readonly free: bigint;
  /** Of a target. */
  readonly min: bigint;
  readonly max: bigint;
  readonly mean: bigint;
}

/** Data and its metadata are spread evenly; SCM is filled first, the rest goes to NVMe. */
export function poolSpace(pool: Pool): { scm: TierSpace; nvme: TierSpace; activeTargets: number } {
  const active = pool.map.targets.filter((t) => !isDisabled(t) && t.state !== "NEW");
  const used = pool.containers.reduce((sum, c) => sum + c.usedBytes, 0n);
  const targets = BigInt(active.length);
  const engines = Math.max(1, pool.map.engines.length);
  const perRank = BigInt(Math.max(1, Math.floor(pool.map.targets.length / engines)));
  const scm = tierSpace(
    pool.scmBytes / perRank,
    targets,
    scmOverhead,
    pool.nvmeBytes > 0n ? used / 16n : used,
  );
  const nvme = tierSpace(pool.nvmeBytes / perRank, targets, nvmeOverhead, used - used / 16n);
  return { scm, nvme, activeTargets: active.length };
}

/** Parts in a thousand that the storage layer keeps for itself (2.6.0: 96 of 1000 in SCM, observed). */
const scmOverhead = 96n;
const nvmeOverhead = 20n;

function tierSpace(targetBytes: bigint, targets: bigint, overhead: bigint, used: bigint): TierSpace {
  const total = targetBytes * targets;
  const usable = targetBytes - (targetBytes * overhead) / 1000n;
  const usedOfTarget = targets === 0n ? 0n : (used + targets - 1n) / targets;
  const free = targets === 0n || usedOfTarget > usable ? 0n : usable - usedOfTarget;
  return { total, free: free * targets, min: free, max: free, mean: free };
}

/** What a finished rebuild has moved: the more containers, the more objects. */
export function moved(pool: Pool): { objects: bigint; records: bigint } {
  const objects = BigInt(pool.containers.length) * 16n;
  return { objects, records: objects * 64n };
}
