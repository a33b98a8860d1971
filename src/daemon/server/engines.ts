import type { ServerConfig } from "../../config/types.ts";
import type { InstanceOptions, JoinAnswer, JoinRequest, ManagedInstance } from "../../engine/instance.ts";
import { createInstance } from "../../engine/instance.ts";
import type { LaunchSettings } from "../../engine/launch.ts";
import type { RasEvent } from "../../engine/ras.ts";
import { formatIecBytes } from "../../faults/bytes.ts";
import { readMemInfo } from "../../hardware/meminfo.ts";
import type { Logger } from "../../log/logger.ts";
import { createEngineStorage, type EngineStorage } from "../../storage/engine-storage.ts";
import { checkRamdisk } from "../../storage/memory-check.ts";
import { engineDomain, type FabricDevices } from "./fabric.ts";
import { cleanHugepages } from "./host.ts";

export interface EnginesOptions {
  readonly config: ServerConfig;
  readonly devices: FabricDevices;
  readonly hostname: string;
  readonly hostFaultDomain: string;
  readonly scmAsFolder: boolean;
  /** This server bootstraps the system: its first engine asks for rank 0. */
  readonly bootstrap: boolean;
  readonly log: Logger;
  join(request: JoinRequest, signal: AbortSignal): Promise<JoinAnswer>;
  publish(event: RasEvent): void;
  readonly observe?: InstanceOptions["observe"];
  /** An engine's storage is there; called before every launch. */
  onStorageReady(instance: ManagedInstance): void;
}

/** Hugepage memory of one engine, MiB: its share of what was asked for, or what is free. */
async function hugepageSettings(
  config: ServerConfig,
  index: number,
  log: Logger,
): Promise<{ memSizeMib: number; hugepageSizeMib: number }> {
  const memory = await readMemInfo();
  const hugepageSizeMib = Math.floor(memory.hugepageSizeKib / 1024);
  const wantedPages = Math.floor(config.nrHugepages / config.engines.length);
  const wantedMib = wantedPages * hugepageSizeMib;
  const freeMib = memory.hugepagesFree * hugepageSizeMib;
  if (freeMib >= wantedMib) return { memSizeMib: wantedMib, hugepageSizeMib };
  const size = (mib: number) => formatIecBytes(BigInt(mib) * 1024n * 1024n);
  log.notice(
    `The amount of hugepage memory allocated for engine ${index} does not meet nr_hugepages requested in ` +
      `config: want ${size(wantedMib)} (${wantedPages} hugepages), got ${size(freeMib)} (${memory.hugepagesFree} hugepages)`,
  );
  return { memSizeMib: freeMib, hugepageSizeMib };
}

async function launchSettings(
  options: EnginesOptions,
  storage: EngineStorage,
  checker: boolean,
): Promise<LaunchSettings> {
  const { config, log } = options;
  const { engine, bdevTiers } = storage;
  const hugepages =
    bdevTiers.length > 0
      ? await hugepageSettings(config, engine.index, log)
      : { memSizeMib: 0, hugepageSizeMib: 0 };
  return {
    ...hugepages,
    systemName: config.name,
    socketDir: config.socketDir,
    nvmeConfPath: storage.nvmeConfPath,
    checker,
    fabricDomain: engine.envVars.some((pair) => pair.startsWith("D_DOMAIN="))
      ? undefined
      : engineDomain(engine, options.devices),
  };
}

/** Every engine of the configuration, not started yet. */
export function createEngines(options: EnginesOptions): ManagedInstance[] {
  const { config, log, scmAsFolder } = options;
  return config.engines.map((engine) => {
    const storage = createEngineStorage(engine, config.controlMetadata, {
      log,
      enableHotplug: config.enableHotplug,
      scmAsFolder,
    });
    return createInstance({
      config: engine,
      storage,
      systemName: config.name,
      hostname: options.hostname,
      hostFaultDomain: options.hostFaultDomain,
      log,
      launchSettings: (checker) => launchSettings(options, storage, checker),
      join: options.join,
      publish: options.publish,
      observe: options.observe,
      firstRank: options.bootstrap && engine.index === 0 ? 0 : undefined,
      async onStorageReady(instance) {
        options.onStorageReady(instance);
        if (storage.bdevTiers.length > 0) await cleanHugepages(config, log);
        if (!scmAsFolder) await checkRamdisk(storage.scm, await readMemInfo());
      },
    });
  });
}
