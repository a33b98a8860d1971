import { statfs, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { isBdevTier, isScmTier, type ServerConfig } from "../../config/types.ts";
import { errorText } from "../../faults/fault.ts";
import { reserveHugepages } from "../../hardware/hugepages.ts";
import type { MemInfo } from "../../hardware/meminfo.ts";
import { removeHugePageFiles, spdkFolders } from "../../helper/pci/leftovers.ts";
import { hostRoots } from "../../helper/pci/roots.ts";
import type { Logger } from "../../log/logger.ts";

/** Some pages more than needed on each node: one or two are often reported as not available. */
const EXTRA_PAGES_PER_ENGINE = 2;
/** Pages kept for scanning NVMe where no engine has a block device. */
const SCAN_PAGES = 128;
const GIB = 1024 ** 3;

/** Sets which parts of our memory, and of engines that inherit it, go into a core dump. */
export async function setCoreDumpFilter(filter: number, log: Logger): Promise<void> {
  if (filter === 0) return;
  try {
    await writeFile("/proc/self/coredump_filter", `0x${filter.toString(16)}\n`);
  } catch (error) {
    log.debug(`unable to write core dump filter: ${errorText(error)}`);
  }
}

/**
 * Frees the hugepages that engines and helpers which were killed still hold in files of theirs (2.6 does so before
 * each start of an engine). What cannot be freed is told, not fatal.
 */
export async function cleanHugepages(
  config: ServerConfig,
  log: Logger,
  folders: readonly string[] = spdkFolders.hugePages,
): Promise<void> {
  if (config.disableHugepages) return;
  try {
    const removed = await removeHugePageFiles(hostRoots, folders);
    if (removed > 0) log.info(`removed ${removed} hugepage file(s) of dead processes`);
  } catch (error) {
    log.notice(`hugepage files of dead processes: ${errorText(error)}`);
  }
}

/** Reserves the hugepages that engines with block devices need. What cannot be had is told, not fatal. */
export async function prepareHugepages(config: ServerConfig, memory: MemInfo, log: Logger): Promise<void> {
  if (config.disableHugepages || process.geteuid?.() !== 0) return;
  const withBdevs = config.engines.some((engine) => engine.storage.some(isBdevTier));
  const nodes = withBdevs ? [...new Set(config.engines.map((engine) => engine.pinnedNumaNode ?? 0))] : [0];
  const wanted = withBdevs
    ? Math.floor(config.nrHugepages / nodes.length) +
      Math.floor((EXTRA_PAGES_PER_ENGINE * config.engines.length) / nodes.length)
    : config.nrHugepages || SCAN_PAGES;
  for (const node of nodes) {
    try {
      const got = await reserveHugepages(node, memory.hugepageSizeKib, wanted);
      if (got < wanted)
        log.notice(`only ${got} of ${wanted} hugepages could be reserved on NUMA node ${node}`);
    } catch (error) {
      log.error(`reserving ${wanted} hugepages on NUMA node ${node}: ${errorText(error)}`);
    }
  }
}

/** GiB that the disk below a folder, which need not exist yet, can give to each of `shares` users. */
async function diskGib(folder: string, shares: number): Promise<number> {
  for (let probe = folder; ; probe = dirname(probe)) {
    try {
      const { bsize, bavail } = await statfs(probe);
      return Math.max(1, Math.floor((bsize * bavail) / GIB / shares));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || probe === "/") throw error;
    }
  }
}

/**
 * Takes the sizes out of memory tiers that are to be folders, so that they are not judged by the host's
 * memory, and returns how to put them back: as configured, else what the disk below has.
 */
export async function detachFolderSizes(
  draft: ServerConfig,
  log: Logger,
): Promise<(config: ServerConfig) => void> {
  const sizesGib = new Map<string, number>();
  for (const tier of draft.engines.flatMap((engine) => engine.storage.filter(isScmTier))) {
    if (tier.class !== "ram") continue;
    let sizeGib = tier.scmSize;
    if (sizeGib === 0) {
      sizeGib = await diskGib(tier.scmMount, draft.engines.length);
      log.info(`${tier.scmMount}: a folder with room for ${sizeGib} GiB, a share of the disk below it`);
    }
    sizesGib.set(tier.scmMount, sizeGib);
    tier.scmSize = 0;
  }
  return (config) => {
    for (const tier of config.engines.flatMap((engine) => engine.storage.filter(isScmTier))) {
      tier.scmSize = sizesGib.get(tier.scmMount) ?? tier.scmSize;
    }
  };
}
