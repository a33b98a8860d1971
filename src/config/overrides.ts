import { badConfig } from "../faults/config.ts";
import { rememberSource, sourceOf } from "./problem.ts";
import { isScmTier, type ServerConfig } from "./types.ts";

/** What the flags of `daos_server start` change, by their long names. undefined: the flag was not given. */
export interface ServerOverrides {
  port?: number;
  /** Mount point of the first engine's memory tier. Deprecated in 2.6. */
  storage?: string;
  modules?: string;
  targets?: number;
  xshelpernr?: number;
  firstcore?: number;
  group?: string;
  socketDir?: string;
  insecure?: boolean;
}

/** A copy that shares nothing with `config` and still knows its places in the file. */
export function copyServerConfig(config: ServerConfig): ServerConfig {
  const copy = structuredClone(config);
  const source = sourceOf(config);
  if (source !== undefined) rememberSource(copy, source);
  return copy;
}

/**
 * The configuration with the command line's values in place of the file's. `config` is left as it is.
 * @throws Fault 701 when `storage` is given and there is no memory tier it could move.
 */
export function applyServerOverrides(config: ServerConfig, overrides: ServerOverrides): ServerConfig {
  const changed = copyServerConfig(config);
  if (overrides.insecure) changed.transportConfig.allowInsecure = true;
  if (overrides.port) changed.port = overrides.port;
  if (overrides.group) changed.name = overrides.group;
  if (overrides.socketDir) changed.socketDir = overrides.socketDir;
  if (overrides.storage) {
    const first = changed.engines[0];
    if (first === undefined)
      throw badConfig("config has zero engines", "--storage needs an engine in the configuration");
    const tier = first.storage[0];
    if (tier === undefined || !isScmTier(tier)) throw badConfig("first storage tier of engine 0 must be SCM");
    tier.scmMount = overrides.storage;
  }
  for (const engine of changed.engines) {
    if (overrides.modules !== undefined) engine.modules = overrides.modules;
    if (overrides.targets) engine.targets = overrides.targets;
    if (overrides.xshelpernr !== undefined) engine.nrXsHelpers = overrides.xshelpernr;
    if (overrides.firstcore !== undefined) engine.firstCore = overrides.firstcore;
  }
  return changed;
}
