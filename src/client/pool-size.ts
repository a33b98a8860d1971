/** From the sizes an administrator writes to the sizes a pool is created with. */
import { NvmeDevState } from "../gen/ctl/smd_pb.ts";
import type { DmgClient } from "./context.ts";
import { foldHosts } from "./hostset.ts";
import { type ScannedStorage, storageScan } from "./storage.ts";
import { systemQuery } from "./system.ts";

/** SCM to NVMe when nobody says otherwise: 6 and 94 percent. */
export const defaultTierRatio: readonly number[] = [0.06, 0.94];
/** Below this share of SCM to NVMe performance suffers (2.6: storage.MinScmToNVMeRatio). */
export const minScmToNvmePercent = 1;
/** A device's role that holds data (2.6: BdevRoleData). */
const roleData = 1;

/** `6`, `6%`, `6,94`: fractions per tier that add up to one. @throws Error */
export function parseTierRatio(text: string): number[] {
  if (text === "") throw new Error("no tier ratio specified");
  const ratios = text.split(",").map((piece) => {
    const bare = piece.trim().replace(/^%|%$/g, "").trim();
    if (!/^-?(\d+\.?\d*|\.\d+)$/.test(bare)) throw new Error(`invalid tier ratio "${piece}"`);
    return Math.round(Number(bare) * 100) / 100 / 100;
  });
  // One number is the first tier's; the other gets the rest.
  if (ratios.length === 1 && ratios[0]! < 1) ratios.push(1 - ratios[0]!);
  if (ratios.some((ratio) => ratio < 0 || ratio > 1)) {
    throw new Error("Storage tier ratio must be a value between 0-100");
  }
  const total = ratios.reduce((sum, ratio) => sum + ratio, 0);
  if (Math.abs(total - 1) > 0.01) {
    throw new Error(`Storage tier ratios must add up to 100 (got ${(total * 100).toFixed(6)})`);
  }
  return ratios;
}

/** Space for one more pool, on each rank. */
export interface LargestPool {
  readonly scmBytes: bigint;
  readonly nvmeBytes: bigint;
}

/**
 * The largest pool that fits on all ranks, or on those of `ranks`: the smallest free space of any.
 * @throws Error naming the host or device that has none
 */
export async function largestPool(client: DmgClient, ranks: readonly number[]): Promise<LargestPool> {
  // Without a running system the scan would mislead.
  await systemQuery(client);
  const { groups } = await storageScan(client, { usage: true });
  if (groups.length === 0) throw new Error("Empty host storage response from StorageScan");
  const wanted = (rank: number) => ranks.length === 0 || ranks.includes(rank);
  const nvmeByRank = new Map<number, bigint>();
  let scmBytes: bigint | undefined;
  for (const { value, hosts } of groups) {
    const usable = value.namespaces.reduce(
      (sum, namespace) => sum + (namespace.mount?.usableBytes ?? 0n),
      0n,
    );
    if (usable === 0n) throw new Error(`Host without SCM storage: hostname=${foldHosts(hosts)}`);
    const least = leastScm(value, wanted, nvmeByRank);
    if (least !== undefined && (scmBytes === undefined || least < scmBytes)) scmBytes = least;
    addNvme(value, wanted, nvmeByRank);
  }
  if (scmBytes === undefined) {
    throw new Error(`No SCM storage space available with rank list ${ranks.join(",")}`);
  }
  const [nvmeBytes = 0n] = [...nvmeByRank.values()].sort((left, right) => (left < right ? -1 : 1));
  return { scmBytes, nvmeBytes };
}

type Wanted = (rank: number) => boolean;

function leastScm(
  storage: ScannedStorage,
  wanted: Wanted,
  nvmeByRank: Map<number, bigint>,
): bigint | undefined {
  let least: bigint | undefined;
  for (const { mount, uuid, blockdev, dev } of storage.namespaces) {
    const name = `SCM device ${uuid} (bdev ${blockdev}, name ${dev})`;
    if (mount === undefined) throw new Error(`${name} is not mounted`);
    if (!wanted(mount.rank)) continue;
    if (least === undefined || mount.usableBytes < least) least = mount.usableBytes;
    if (nvmeByRank.has(mount.rank)) throw new Error(`Multiple SCM devices found for rank ${mount.rank}`);
    nvmeByRank.set(mount.rank, 0n);
  }
  return least;
}

function addNvme(storage: ScannedStorage, wanted: Wanted, nvmeByRank: Map<number, bigint>): void {
  for (const controller of storage.controllers) {
    for (const device of controller.smdDevices) {
      if (device.roleBits !== 0 && (device.roleBits & roleData) === 0) continue;
      if (controller.devState === NvmeDevState.NEW) continue;
      const name = `SMD device ${device.uuid} (rank ${device.rank}, ctrlr ${controller.pciAddr})`;
      if (controller.devState !== NvmeDevState.NORMAL) {
        throw new Error(`${name} not usable as in ${NvmeDevState[controller.devState] ?? "UNKNOWN"} state`);
      }
      if (!wanted(device.rank)) continue;
      const free = nvmeByRank.get(device.rank);
      if (free === undefined)
        throw new Error(`Rank ${device.rank} without SCM device and at least one ${name}`);
      nvmeByRank.set(device.rank, free + device.usableBytes);
    }
  }
}

/** A fraction of the largest pool, per rank and tier. @throws Error when nothing of SCM is left */
export function shareOf({ scmBytes, nvmeBytes }: LargestPool, percent: number): bigint[] {
  const share = (bytes: bigint) => BigInt(Math.trunc(Number(bytes) * (percent / 100)));
  const tierBytes = [share(scmBytes), share(nvmeBytes)];
  if (tierBytes[0] === 0n) {
    throw new Error(
      `Not enough SCM storage available with ratio ${percent}%: SCM storage capacity or ratio should be increased`,
    );
  }
  return tierBytes;
}
