import { readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  type BdevTierConfig,
  type ControlMetadataConfig,
  type EngineConfig,
  isBdevTier,
  isScmTier,
  type StorageTierConfig,
} from "../config/types.ts";
import { errorText } from "../faults/fault.ts";
import { writeFileDurable } from "../files/durable.ts";
import { readPciBusRange } from "../hardware/topology.ts";
import type { Logger } from "../log/logger.ts";
import { nvmeConf, parseBusRange } from "./bdev/conf.ts";
import { createBdevFile } from "./bdev/file.ts";
import { metadataEngineFolder, metadataFolder, metadataNeedsFormat } from "./metadata.ts";
import type { ScmBackend } from "./scm/backend.ts";
import { createDcpmScm } from "./scm/dcpm.ts";
import { createFolderScm } from "./scm/folder.ts";
import { createRamScm } from "./scm/ram.ts";

/** What happened to one block device in a format. */
export interface BdevFormatResult {
  /** PCI address or path, or "tier N" when the tier failed as a whole. */
  readonly device: string;
  readonly roles: BdevTierConfig["bdevRoles"];
  readonly error?: Error;
}

/** The storage of one engine: its memory tier, its block devices, and where its small files live. */
export interface EngineStorage {
  readonly engine: EngineConfig;
  readonly metadata: ControlMetadataConfig;
  readonly scm: ScmBackend;
  readonly bdevTiers: readonly BdevTierConfig[];
  /** Metadata is kept on SSD: the memory tier is only a cache of it and is made anew at every start. */
  readonly metadataOnSsd: boolean;
  readonly superblockPath: string;
  /** undefined when the engine has no block device. */
  readonly nvmeConfPath: string | undefined;
  /** "SCM", or "Metadata" when the memory tier is there and only small files are missing; undefined: neither. */
  missingBeforeSuperblock(): Promise<"SCM" | undefined>;
  /** Nothing of an engine is on the memory tier: a format got no further than this, or an engine never ran. */
  isFresh(): Promise<boolean>;
  /** Notes that what is here may go with the next format, whether that is told to overwrite or not. */
  markErased(): Promise<void>;
  isErased(): Promise<boolean>;
  clearErased(): Promise<void>;
  formatBdevs(): Promise<BdevFormatResult[]>;
  writeNvmeConf(): Promise<void>;
}

/** Made beside the superblock when that is removed by `dmg system erase`. */
const ERASED = ".daos_erased";
/** Made by a format before the superblock; temporary files have more after the name. */
const FORMAT_FILES = /^(\.daos_|daos_nvme\.conf|superblock\.)/;

export interface EngineStorageOptions {
  readonly log: Logger;
  readonly enableHotplug: boolean;
  /** Keep a "ram" tier in an ordinary folder (a server that may not mount). */
  readonly scmAsFolder: boolean;
}

/** The engine as its daos_nvme.conf tells of it: with the drives behind VMDs in place of the VMDs. */
async function withoutVmds(engine: EngineConfig): Promise<{ told: EngineConfig; vmd: boolean }> {
  const isNvme = (tier: StorageTierConfig): tier is BdevTierConfig =>
    isBdevTier(tier) && tier.class === "nvme";
  const listed = engine.storage.filter(isNvme).flatMap((tier) => tier.bdevList);
  if (listed.length === 0) return { told: engine, vmd: false };
  const { listsVmd, substituteVmd } = await import("./bdev/nvme.ts");
  if (!(await listsVmd(listed))) return { told: engine, vmd: false };
  const storage = await Promise.all(
    engine.storage.map(async (tier) =>
      isNvme(tier) ? { ...tier, bdevList: await substituteVmd(tier.bdevList) } : tier,
    ),
  );
  return { told: { ...engine, storage }, vmd: true };
}

/** @throws Error when the engine does not have exactly one memory tier (validation lets none through). */
export function createEngineStorage(
  engine: EngineConfig,
  metadata: ControlMetadataConfig,
  options: EngineStorageOptions,
): EngineStorage {
  const { log } = options;
  const [tier, ...others] = engine.storage.filter(isScmTier);
  if (tier === undefined || others.length > 0) throw new Error("expected exactly one SCM tier in config");
  const numaNode = engine.pinnedNumaNode ?? 0;
  const scm =
    tier.class === "dcpm"
      ? createDcpmScm(tier)
      : options.scmAsFolder
        ? createFolderScm(tier)
        : createRamScm(tier, numaNode);
  const bdevTiers = engine.storage.filter(isBdevTier);
  const smallFiles = metadataEngineFolder(metadata, engine.index) ?? tier.scmMount;
  const nvmeConfPath = bdevTiers.length > 0 ? join(smallFiles, "daos_nvme.conf") : undefined;
  const erased = join(smallFiles, ERASED);
  const name = `SCM (${tier.class}:${tier.scmMount})`;

  const formatTier = async (bdevTier: BdevTierConfig): Promise<BdevFormatResult[]> => {
    const roles = bdevTier.bdevRoles;
    switch (bdevTier.class) {
      case "file":
        return Promise.all(
          bdevTier.bdevList.map(async (device): Promise<BdevFormatResult> => {
            try {
              await createBdevFile(device, bdevTier.bdevSize);
              return { device, roles };
            } catch (error) {
              return { device, roles, error: error instanceof Error ? error : new Error(errorText(error)) };
            }
          }),
        );
      case "kdev":
        // Kernel devices are written by the engine itself; 2.6 reports them as formatted.
        return bdevTier.bdevList.map((device) => ({ device, roles }));
      case "nvme": {
        const { formatNvmeDevices } = await import("./bdev/nvme.ts");
        const results = await formatNvmeDevices(bdevTier.bdevList);
        return results.map((result) => ({ ...result, roles }));
      }
    }
  };

  return {
    engine,
    metadata,
    scm: {
      ...scm,
      async format(force) {
        log.info(`Instance ${engine.index}: starting format of ${name}`);
        try {
          await scm.format(force);
        } catch (error) {
          log.error(`  format of ${name} failed: ${errorText(error)}`);
          throw error;
        }
        log.info(`Instance ${engine.index}: finished format of ${name}`);
      },
    },
    bdevTiers,
    metadataOnSsd: bdevTiers.some((bdevTier) => bdevTier.bdevRoles.includes("meta")),
    superblockPath: join(smallFiles, "superblock"),
    nvmeConfPath,
    async missingBeforeSuperblock() {
      if (metadataFolder(metadata) === undefined) return (await scm.needsFormat()) ? "SCM" : undefined;
      return (await metadataNeedsFormat(metadata)) ? "SCM" : undefined;
    },
    async isFresh() {
      return (await readdir(tier.scmMount)).every((entry) => FORMAT_FILES.test(entry));
    },
    markErased: () => writeFileDurable(erased, "", 0o600),
    isErased: () =>
      stat(erased).then(
        () => true,
        () => false,
      ),
    clearErased: () => rm(erased, { force: true }),
    async formatBdevs() {
      const results: BdevFormatResult[] = [];
      for (const bdevTier of bdevTiers) {
        const what = `${bdevTier.class} block devices ${bdevTier.bdevList.join(",")}`;
        log.info(`Instance ${engine.index}: starting format of ${what}`);
        const tierResults = await formatTier(bdevTier);
        results.push(...tierResults);
        const failed = tierResults.filter((result) => result.error !== undefined);
        for (const { error } of failed) {
          log.error(`Instance ${engine.index}: format failed (${errorText(error)})`);
        }
        if (failed.length === 0) log.info(`Instance ${engine.index}: finished format of ${what}`);
      }
      return results;
    },
    async writeNvmeConf() {
      if (nvmeConfPath === undefined) return;
      log.info(`Writing NVMe config file for engine instance ${engine.index} to "${nvmeConfPath}"`);
      const busRange = options.enableHotplug
        ? (parseBusRange(bdevTiers[0]?.bdevBusidRange) ?? (await readPciBusRange(numaNode)))
        : undefined;
      const { told, vmd } = await withoutVmds(engine);
      const text = nvmeConf(told, { hostname: hostname(), hotplug: options.enableHotplug, vmd, busRange });
      if (text !== undefined) await writeFileDurable(nvmeConfPath, text, 0o644);
    },
  };
}
