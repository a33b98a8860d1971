import type { PoolCreateRequest } from "../../../client/pool.ts";
import {
  defaultTierRatio,
  largestPool,
  minScmToNvmePercent,
  parseTierRatio,
  shareOf,
} from "../../../client/pool-size.ts";
import { parseBytes } from "../../../client/sizes.ts";
import { formatBytes } from "../../../faults/bytes.ts";
import { type Arguments, incompatibleFlags, text, uint32 } from "../arguments.ts";
import type { Session } from "../session.ts";

type SizedRequest = Pick<PoolCreateRequest, "size" | "rankCount" | "metaBlobBytes">;

/**
 * The pool's size by one of three ways: a total that the servers share out, a percentage of the space
 * that is free, or sizes on each engine. @throws Error when flags of different ways are mixed
 */
export async function poolSize(session: Session, ranks: readonly number[]): Promise<SizedRequest> {
  const { args } = session;
  const size = text(args, "size")?.trim();
  const scmSize = sizeOf(args, "scm-size");
  const nvmeSize = sizeOf(args, "nvme-size");
  const metaSize = sizeOf(args, "meta-size");
  if (size === undefined) {
    if (scmSize === 0n) throw new Error("either --size or --scm-size must be set");
    return manualSize(session, scmSize, nvmeSize, metaSize);
  }
  if (scmSize > 0n || nvmeSize > 0n) throw incompatibleFlags("size", "scm-size", "nvme-size");
  if (metaSize > 0n) throw new Error("--meta-size can only be set if --scm-size is set");
  if (size.endsWith("%")) return await shareOfAll(session, size, ranks);
  return totalSize(session, sizeOf(args, "size"), ranks);
}

function sizeOf(args: Arguments, name: string): bigint {
  const value = text(args, name);
  if (value === undefined) return 0n;
  if (value === "") throw new Error("no size specified");
  try {
    return parseBytes(value);
  } catch {
    throw new Error(`invalid size "${value}"`);
  }
}

async function shareOfAll(session: Session, size: string, ranks: readonly number[]): Promise<SizedRequest> {
  const digits = size.slice(0, -1).trim();
  if (!/^\d+$/.test(digits)) throw new Error(`invalid pool size ratio "${size}"`);
  const percent = Number(digits);
  if (percent <= 0 || percent > 100) {
    throw new Error(
      `Creating DAOS pool with invalid full size ratio ${size}: allowed range 0 < ratio <= 100`,
    );
  }
  if (text(session.args, "nranks") !== undefined) throw incompatibleFlags("size", "nranks");
  if (text(session.args, "tier-ratio") !== undefined) throw incompatibleFlags("size=%", "tier-ratio");
  session.say(`Creating DAOS pool with ${percent}% of all storage`);
  const largest = await largestPool(await session.client(), ranks);
  return { size: { tierBytes: shareOf(largest, percent) }, rankCount: 0, metaBlobBytes: 0n };
}

function totalSize(session: Session, totalBytes: bigint, ranks: readonly number[]): SizedRequest {
  if (totalBytes === 0n) throw new Error("either --size or --scm-size must be set");
  const rankCount = uint32(session.args, "nranks") ?? 0;
  if (rankCount > 0 && ranks.length > 0) throw incompatibleFlags("nranks", "ranks");
  const ratio = text(session.args, "tier-ratio");
  const tierRatio = ratio === undefined ? defaultTierRatio : parseTierRatio(ratio);
  if (tierRatio[0] === 0) throw new Error("can't create pool with 0.0 SCM ratio");
  const share = scmShare(session, tierRatio[0]!, tierRatio[1] ?? 0);
  const where = rankCount > 0 ? ` with ${rankCount} ranks` : "";
  session.say(
    `Creating DAOS pool with automatic storage allocation: ${formatBytes(totalBytes)} total, ${share} ratio${where}`,
  );
  return {
    size: { totalBytes, tierRatio: [...tierRatio, ...(tierRatio.length === 1 ? [0] : [])] },
    rankCount,
    metaBlobBytes: 0n,
  };
}

function manualSize(session: Session, scmBytes: bigint, nvmeBytes: bigint, metaBytes: bigint): SizedRequest {
  if (text(session.args, "nranks") !== undefined) throw incompatibleFlags("nranks", "scm-size");
  if (text(session.args, "tier-ratio") !== undefined) throw incompatibleFlags("tier-ratio", "scm-size");
  if (metaBytes > 0n && metaBytes < scmBytes) {
    throw new Error(
      `--meta-size (${formatBytes(metaBytes)}) can not be smaller than --scm-size (${formatBytes(scmBytes)})`,
    );
  }
  const share = scmShare(session, Number(scmBytes), Number(nvmeBytes));
  const meta = metaBytes > 0n ? ` with ${formatBytes(metaBytes)} meta-blob-size` : "";
  session.say(
    "Creating DAOS pool with manual per-engine storage allocation: " +
      `${formatBytes(scmBytes)} SCM, ${formatBytes(nvmeBytes)} NVMe (${share} ratio)${meta}`,
  );
  return { size: { tierBytes: [scmBytes, nvmeBytes] }, rankCount: 0, metaBlobBytes: metaBytes };
}

/** SCM in percent of NVMe; warns when it is too little. */
function scmShare(session: Session, scm: number, nvme: number): string {
  if (nvme === 0) {
    session.notice("Creating DAOS pool without NVME storage");
    return "100.00%";
  }
  const percent = (scm / nvme) * 100;
  if (percent < minScmToNvmePercent) {
    session.notice(
      `SCM:NVMe ratio is less than ${minScmToNvmePercent.toFixed(2)}%, DAOS performance will suffer!`,
    );
  }
  return `${percent.toFixed(2)}%`;
}
