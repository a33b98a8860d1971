import {
  badConfig,
  bdevTiersWithoutRoles,
  bdevTypesMixed,
  controlMetadataWithoutRoles,
  ramdiskUnderMinimum,
  rolesMissing,
  rolesWalDataNoMeta,
  rolesWithDcpm,
  rolesWithoutControlMetadata,
  scmTierMissing,
  tooManyTiersWithRoles,
  wrongRoleCount,
} from "../faults/config.ts";
import type { Fault } from "../faults/fault.ts";
import { mergeKeyValues, splitNames } from "./inherit.ts";
import { logMaskProblem, logStreamsProblem, logSubsystemsProblem } from "./log-masks.ts";
import { bytesPerGiB, minimumRamdiskBytes } from "./memory.ts";
import { parsePciAddress } from "./pci.ts";
import {
  type BdevTierConfig,
  type ControlMetadataConfig,
  type EngineConfig,
  isBdevTier,
  isScmTier,
  type ScmTierConfig,
} from "./types.ts";

/** Takes note of a problem at a key, named from the engine down ("storage[1].bdev_list"). */
export type Report = (key: string, fault: Fault) => void;

const maximumScmDevices = 1;
const maximumTiersWithRoles = 3;

/** All that can be wrong with one engine by itself. */
export function checkEngine(
  engine: EngineConfig,
  metadata: ControlMetadataConfig,
  env: Record<string, string | undefined>,
  report: Report,
): void {
  checkThreads(engine, report);
  checkFabric(engine, report);
  checkStorage(engine, metadata, report);
  checkLogging(engine, env, report);
}

function checkThreads(engine: EngineConfig, report: Report): void {
  if (engine.pinnedNumaNode !== undefined && engine.firstCore !== undefined && engine.firstCore !== 0) {
    report(
      "first_core",
      badConfig("cannot specify both pinned_numa_node and first_core", "keep one of them"),
    );
  }
  if (engine.targets < 0) report("targets", badConfig("target count must not be negative"));
  if (engine.targets === 0) {
    report(
      "targets",
      badConfig("target count must be nonzero", "set 'targets' to the number of I/O threads"),
    );
  }
  if (engine.nrXsHelpers < 0) report("nr_xs_helpers", badConfig("helper stream count must not be negative"));
  if (engine.firstCore !== undefined && engine.firstCore < 0) {
    report("first_core", badConfig("service thread core index must not be negative"));
  }
}

function checkFabric(engine: EngineConfig, report: Report): void {
  const wrong = (key: string, text: string) =>
    report(key, badConfig(`fabric config validation failed: ${text}`));
  const providers = splitNames(engine.provider);
  const interfaces = splitNames(engine.fabricIface);
  // A missing provider is reported once, for the server.
  if (interfaces.length === 0) wrong("fabric_iface", "fabric_iface not set");
  if (engine.fabricIfacePort === undefined) wrong("fabric_iface_port", "fabric_iface_port not set");
  else if (engine.fabricIfacePort < 0) wrong("fabric_iface_port", "fabric_iface_port cannot be negative");
  else if (engine.fabricIfacePort > 65535)
    wrong("fabric_iface_port", "fabric_iface_port cannot be above 65535");
  if (providers.length > 0 && interfaces.length > 0 && interfaces.length !== providers.length) {
    wrong(
      "fabric_iface",
      `provider names ${providers.length} but fabric_iface ${interfaces.length} (between commas)`,
    );
  }
  const secondaries = providers.length - 1;
  if (secondaries > 0) {
    const endpoints = engine.secondaryProviderEndpoints;
    if (endpoints.length > 0 && endpoints.length !== secondaries) {
      wrong("secondary_provider_endpoints", "one value for each secondary provider is wanted");
    }
    if (endpoints.some((count) => count < 1)) {
      wrong("secondary_provider_endpoints", "every value must be at least 1");
    }
  }
}

function checkLogging(engine: EngineConfig, env: Record<string, string | undefined>, report: Report): void {
  const mask = logMaskProblem(engine.logMask ?? "");
  if (mask !== undefined) report("log_mask", badConfig(`validate engine log masks: ${mask}`));

  const passed = engine.envPassThrough.flatMap((name) =>
    env[name] === undefined ? [] : [`${name}=${env[name]}`],
  );
  const variables = mergeKeyValues(passed, engine.envVars);
  const lookUp = (name: string) =>
    variables.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  const streams = logStreamsProblem(lookUp("DD_MASK"));
  if (streams !== undefined)
    report("env_vars", badConfig(`validate engine log debug streams: DD_MASK: ${streams}`));
  const subsystems = logSubsystemsProblem(lookUp("DD_SUBSYS"));
  if (subsystems !== undefined) {
    report("env_vars", badConfig(`validate engine log subsystems: DD_SUBSYS: ${subsystems}`));
  }
}

function checkStorage(engine: EngineConfig, metadata: ControlMetadataConfig, report: Report): void {
  if (engine.storage.length === 0) {
    report(
      "storage",
      badConfig("no storage tiers configured", "give the engine a 'storage' list, a memory tier first"),
    );
    return;
  }
  const scm = engine.storage.filter(isScmTier);
  const bdev = engine.storage.filter(isBdevTier);
  const first = scm[0];
  if (first === undefined) {
    report("storage", scmTierMissing());
    return;
  }
  const occupied = bdev.filter((tier) => tier.bdevList.length > 0);
  if (occupied.some((tier) => tier.class === "nvme") && occupied.some((tier) => tier.class !== "nvme")) {
    report("storage", bdevTypesMixed());
    return;
  }
  let sound = true;
  const tierProblem = (tier: { tier: number }, key: string, fault: Fault | string) => {
    sound = false;
    const made =
      typeof fault === "string" ? badConfig(`tier ${tier.tier} failed validation: ${fault}`) : fault;
    report(`storage[${tier.tier}].${key}`, made);
  };
  for (const tier of scm) checkScmTier(tier, (key, fault) => tierProblem(tier, key, fault));
  for (const tier of bdev) checkBdevTier(tier, (key, fault) => tierProblem(tier, key, fault));
  if (!sound) return;
  if (scm.length !== 1 || first.tier !== 0) {
    const text = scm.length > 1 ? "more than one scm storage tier" : "first storage tier is not scm";
    report(
      `storage[${scm[1]?.tier ?? first.tier}]`,
      badConfig(text, "use one memory tier, and make it the first"),
    );
    return;
  }
  const roleFault = checkRoles(first, bdev);
  if (roleFault !== undefined) report(`storage${roleFault.at}`, roleFault.fault);
  else checkMetadata(bdev, metadata, report);
}

type TierReport = (key: string, fault: Fault | string) => void;

function checkScmTier(tier: ScmTierConfig, report: TierReport): void {
  if (tier.scmMount === "") report("scm_mount", "no scm_mount set");
  if (tier.class === "dcpm") {
    if (tier.scmSize > 0) report("scm_size", "scm_size may not be set when class is dcpm");
    if (tier.scmList.length === 0) report("scm_list", "scm_list must be set when class is dcpm");
    if (tier.scmHugepagesDisabled) {
      report("scm_hugepages_disabled", "scm_hugepages_disabled may not be set when class is dcpm");
    }
  } else {
    if (tier.scmList.length > 0) report("scm_list", "scm_list may not be set when class is ram");
    const bytes = tier.scmSize * bytesPerGiB;
    if (tier.scmSize !== 0 && bytes < minimumRamdiskBytes) {
      report("scm_size", ramdiskUnderMinimum(bytes, minimumRamdiskBytes));
    }
  }
  if (tier.scmList.length > maximumScmDevices) {
    report("scm_list", `scm_list may have at most ${maximumScmDevices} devices`);
  }
}

function checkBdevTier(tier: BdevTierConfig, report: TierReport): void {
  if (tier.bdevSize < 0) report("bdev_size", "negative bdev_size");
  if (tier.class === "nvme") {
    const addresses = tier.bdevList.filter((device) => parsePciAddress(device) !== undefined);
    if (addresses.length === 0 || addresses.length < tier.bdevList.length) {
      report("bdev_list", "class nvme requires valid PCI addresses in bdev_list");
    }
    return;
  }
  if (tier.bdevList.length === 0) report("bdev_list", `class ${tier.class} requires non-empty bdev_list`);
  if (tier.class === "file" && tier.bdevSize === 0)
    report("bdev_size", "class file requires non-zero bdev_size");
}

/**
 * The rules of metadata on SSD: no tier has roles and there is at most one tier; or the memory tier is ram
 * and one to three tiers hold each of wal, meta and data exactly once, wal and data never without meta.
 */
function checkRoles(
  scm: ScmTierConfig,
  bdev: readonly BdevTierConfig[],
): { at: string; fault: Fault } | undefined {
  const withRoles = bdev.filter((tier) => tier.bdevRoles.length > 0);
  const without = bdev.find((tier) => tier.bdevRoles.length === 0);
  if (withRoles.length === 0) {
    return bdev.length > 1 ? { at: `[${bdev[1]?.tier ?? 0}]`, fault: bdevTiersWithoutRoles() } : undefined;
  }
  if (without !== undefined) return { at: `[${without.tier}]`, fault: rolesMissing() };
  const lonely = bdev.find(
    ({ bdevRoles: has }) => has.includes("wal") && has.includes("data") && !has.includes("meta"),
  );
  if (lonely !== undefined) return { at: `[${lonely.tier}].bdev_roles`, fault: rolesWalDataNoMeta() };
  if (scm.class === "dcpm") return { at: `[${withRoles[0]?.tier ?? 0}].bdev_roles`, fault: rolesWithDcpm() };
  const excess = bdev[maximumTiersWithRoles];
  if (excess !== undefined) return { at: `[${excess.tier}]`, fault: tooManyTiersWithRoles() };
  for (const [role, shown] of [
    ["wal", "WAL"],
    ["meta", "Meta"],
    ["data", "Data"],
  ] as const) {
    const holders = bdev.filter((tier) => tier.bdevRoles.includes(role));
    if (holders.length === 1) continue;
    const second = holders[1];
    return {
      at: second === undefined ? "" : `[${second.tier}].bdev_roles`,
      fault: wrongRoleCount(shown, holders.length, 1),
    };
  }
  return undefined;
}

function checkMetadata(
  bdev: readonly BdevTierConfig[],
  metadata: ControlMetadataConfig,
  report: Report,
): void {
  const metaOnSsd = bdev.some((tier) => tier.bdevRoles.includes("meta"));
  if (metadata.path !== undefined && !metaOnSsd) report("storage", controlMetadataWithoutRoles());
  if (metadata.path === undefined && metaOnSsd) report("storage", rolesWithoutControlMetadata());
}
