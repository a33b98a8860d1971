import { type EngineConfig, isBdevTier, isScmTier } from "../config/types.ts";
import { mergeLogMasks } from "./log-masks.ts";

/** What the server adds to an engine's configuration when it starts the engine. */
export interface LaunchSettings {
  readonly systemName: string;
  readonly socketDir: string;
  /** daos_nvme.conf; undefined without block devices. */
  readonly nvmeConfPath: string | undefined;
  /** MiB of hugepages for SPDK; 0: none. */
  readonly memSizeMib: number;
  /** MiB of one hugepage; 0: none used. */
  readonly hugepageSizeMib: number;
  /** Start in checker mode. */
  readonly checker: boolean;
  /** libfabric domain of each interface, "," between them; undefined: leave D_DOMAIN to env_vars. */
  readonly fabricDomain: string | undefined;
}

/** The arguments 2.6 gives to daos_engine, in its order. */
export function engineArgs(engine: EngineConfig, settings: LaunchSettings): string[] {
  const args: string[] = [];
  const add = (flag: string, value: string | number | undefined) => {
    if (value !== undefined && value !== "") args.push(flag, String(value));
  };
  add("-m", engine.modules);
  if (engine.targets !== 0) add("-t", engine.targets);
  add("-x", engine.nrXsHelpers);
  add("-f", engine.firstCore);
  add("-g", settings.systemName);
  add("-d", settings.socketDir);
  if (engine.storage.length > 0) add("-T", engine.storage.length);
  add("-n", settings.nvmeConfPath);
  if (engine.bypassHealthChk === true) args.push("-b");
  if (engine.secondaryProviderEndpoints.length > 0) add("-S", engine.secondaryProviderEndpoints.join(","));
  add("-p", engine.pinnedNumaNode);
  add("-I", engine.index);
  add("-r", settings.memSizeMib);
  add("-H", settings.hugepageSizeMib);
  if (settings.checker) args.push("-C");
  for (const tier of engine.storage) if (isScmTier(tier)) add("-s", tier.scmMount);
  return args;
}

/** "K=V" lines into pairs; the first of a key wins, a key or value that is empty is dropped, as in 2.6. */
function toPairs(lines: readonly string[]): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const line of lines) {
    const at = line.indexOf("=");
    const key = line.slice(0, Math.max(0, at));
    const value = line.slice(at + 1);
    if (key !== "" && value !== "" && !pairs.has(key)) pairs.set(key, value);
  }
  return pairs;
}

function ownEnv(engine: EngineConfig): Map<string, string> {
  const lines: string[] = [
    `D_LOG_MASK=${engine.logMask ?? ""}`,
    `D_LOG_FILE=${engine.logFile ?? ""}`,
    `D_PROVIDER=${engine.provider ?? ""}`,
    `D_INTERFACE=${engine.fabricIface ?? ""}`,
    `CRT_TIMEOUT=${engine.crtTimeout}`,
    `FI_OFI_RXM_USE_SRX=${engine.disableSrx ? 0 : 1}`,
    `D_PROVIDER_AUTH_KEY=${engine.fabricAuthKey ?? ""}`,
  ];
  if (engine.fabricIfacePort !== undefined && engine.fabricIfacePort !== 0) {
    lines.push(`D_PORT=${engine.fabricIfacePort}`);
  }
  const firstBdev = engine.storage.find(isBdevTier);
  if (firstBdev !== undefined) lines.push(`VOS_BDEV_CLASS=${firstBdev.class === "nvme" ? "NVME" : "AIO"}`);
  return toPairs(lines);
}

/**
 * The engine's whole environment. Of ours it gets what env_pass_through names; env_vars go over that, and
 * what the configuration says in keys of its own goes over both.
 */
export function engineEnv(
  engine: EngineConfig,
  settings: Pick<LaunchSettings, "fabricDomain">,
  inherited: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const passed = engine.envPassThrough.map((name) => `${name}=${inherited[name] ?? ""}`);
  const configured = toPairs(engine.envVars);
  if (!configured.has("D_DOMAIN") && settings.fabricDomain !== undefined) {
    configured.set("D_DOMAIN", settings.fabricDomain);
  }
  const env = new Map([...toPairs(passed), ...configured, ...ownEnv(engine)]);

  const subsystems = env.get("DD_SUBSYS");
  const masks = env.get("D_LOG_MASK");
  if (subsystems !== undefined && masks !== undefined) {
    env.set("D_LOG_MASK", mergeLogMasks(masks, subsystems));
    env.delete("DD_SUBSYS");
  }
  return Object.fromEntries([...env].sort(([left], [right]) => (left < right ? -1 : 1)));
}
