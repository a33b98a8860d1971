import { formatIecBytes } from "../faults/bytes.ts";
import {
  badConfig,
  hugepagesDisabledWithBdevs,
  ramdiskLowMemory,
  ramdiskOverMaximum,
} from "../faults/config.ts";
import type { Logger } from "../log/logger.ts";
import { type EngineConfig, isBdevTier, isScmTier, type MemoryFacts, type ServerConfig } from "./types.ts";

export const bytesPerKiB = 1024;
export const bytesPerMiB = 1024 ** 2;
export const bytesPerGiB = 1024 ** 3;

/** Least memory of an engine's ram tier. */
export const minimumRamdiskBytes = 4 * bytesPerGiB;
/** Kept free for an engine's own use: so much a target, and no less than so much an engine. */
const reservedPerTargetBytes = 128 * bytesPerMiB;
const reservedPerEngineBytes = bytesPerGiB;
/** Hugepages that one target's DMA buffers need. */
const hugepageBytesPerTarget = bytesPerGiB;

function hasBdevs(engine: EngineConfig): boolean {
  return engine.storage.some((tier) => isBdevTier(tier) && tier.bdevList.length > 0);
}

/** Metadata on SSD: the engine runs one more stream, for its replicated database. */
export function hasMetaRole(engine: EngineConfig): boolean {
  return engine.storage.some((tier) => isBdevTier(tier) && tier.bdevRoles.includes("meta"));
}

/** Hugepages that the configured targets need; 0 without block devices. */
export function hugepagesNeeded(config: ServerConfig, hugepageSizeKib: number): number {
  const withBdevs = config.engines.filter(hasBdevs);
  const targets = withBdevs.reduce((sum, engine) => sum + engine.targets, 0);
  if (targets <= 0) return 0;
  if (hugepageSizeKib <= 0)
    throw badConfig("invalid system hugepage size", "see Hugepagesize in /proc/meminfo");
  const streams = targets + withBdevs.filter(hasMetaRole).length;
  return Math.floor((hugepageBytesPerTarget * streams) / (hugepageSizeKib * bytesPerKiB));
}

/**
 * Sets `nrHugepages` where it is 0 and block devices need some.
 * @throws Fault 726 when hugepages are disabled and needed.
 */
export function settleHugepages(config: ServerConfig, memory: MemoryFacts, log: Logger): void {
  const needed = hugepagesNeeded(config, memory.hugepageSizeKib);
  if (needed === 0) return;
  if (config.disableHugepages) throw hugepagesDisabledWithBdevs();
  if (config.nrHugepages === 0) {
    config.nrHugepages = needed;
    const size = formatIecBytes(needed * memory.hugepageSizeKib * bytesPerKiB);
    log.info(`hugepage count automatically set to ${needed} (${size})`);
  } else if (config.nrHugepages < needed) {
    log.notice(
      `configured nr_hugepages ${config.nrHugepages} is less than recommended ${needed}; remove it to have it calculated`,
    );
  }
}

interface Reservation {
  readonly hugepageBytes: number;
  readonly systemBytes: number;
  readonly engineBytes: number;
  readonly engineCount: number;
}

function reservation(config: ServerConfig, hugepageSizeKib: number): Reservation {
  const targets = config.engines[0]?.targets ?? 0;
  if (targets <= 0) throw badConfig("requires positive nonzero nr engine targets");
  return {
    hugepageBytes: config.nrHugepages * hugepageSizeKib * bytesPerKiB,
    systemBytes: config.systemRamReserved * bytesPerGiB,
    engineBytes: Math.max(targets * reservedPerTargetBytes, reservedPerEngineBytes),
    engineCount: config.engines.length,
  };
}

function reservedBytes({ hugepageBytes, systemBytes, engineBytes, engineCount }: Reservation): number {
  return hugepageBytes + systemBytes + engineBytes * engineCount;
}

/**
 * The most memory that each engine's ram tier can have: (total - hugepages - system - engines) / engines.
 * @throws Fault 701 when what is reserved is more than there is.
 */
export function maximumRamdiskBytes(config: ServerConfig, memory: MemoryFacts): number {
  if (config.engines.length === 0) throw badConfig("no engines in config");
  if (memory.memTotalKib <= 0) throw badConfig("requires nonzero total mem");
  const held = reservation(config, memory.hugepageSizeKib);
  const totalBytes = memory.memTotalKib * bytesPerKiB;
  const reserved = reservedBytes(held);
  if (totalBytes < reserved) {
    throw badConfig(
      `calculate ramdisk size: insufficient ram to meet minimum requirements (mem stats: total ${formatIecBytes(totalBytes)} - (hugepages ${formatIecBytes(held.hugepageBytes)} + sys rsvd ${formatIecBytes(held.systemBytes)} + (engine rsvd ${formatIecBytes(held.engineBytes)} * nr engines ${held.engineCount})))`,
      "lower 'targets', 'nr_hugepages' or 'system_ram_reserved' in the server configuration, or add memory",
    );
  }
  return Math.floor((totalBytes - reserved) / held.engineCount);
}

/** Memory that a host needs for ram tiers of that size. */
export function memoryForRamdiskBytes(
  config: ServerConfig,
  hugepageSizeKib: number,
  ramdiskBytes: number,
): number {
  const held = reservation(config, hugepageSizeKib);
  return reservedBytes(held) + ramdiskBytes * held.engineCount;
}

/**
 * Sets `scmSize` of every ram tier that has none, and checks those that have one. Whole GiB, rounded down.
 * @throws Fault 214 when the host has too little memory, 731 when a configured size is too large.
 */
export function settleRamdiskSize(config: ServerConfig, memory: MemoryFacts, log: Logger): void {
  const first = config.engines[0]?.storage.find(isScmTier);
  if (first === undefined || first.class !== "ram") return;
  const most = maximumRamdiskBytes(config, memory);
  if (most < minimumRamdiskBytes) {
    const needed = memoryForRamdiskBytes(config, memory.hugepageSizeKib, minimumRamdiskBytes);
    throw ramdiskLowMemory(minimumRamdiskBytes, needed, memory.memTotalKib * bytesPerKiB);
  }
  for (const engine of config.engines) {
    const tiers = engine.storage.filter(isScmTier);
    const tier = tiers[0];
    if (tier === undefined || tiers.length !== 1) {
      throw badConfig(`unexpected number of scm tiers, want 1 got ${tiers.length}`);
    }
    if (tier.scmSize === 0) {
      tier.scmSize = Math.floor(most / bytesPerGiB);
      log.info(`engine-${engine.index}: ramdisk size automatically set to ${formatIecBytes(most)}`);
    } else if (tier.scmSize * bytesPerGiB > most) {
      throw ramdiskOverMaximum(tier.scmSize * bytesPerGiB, most, minimumRamdiskBytes);
    }
  }
}
