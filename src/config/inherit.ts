import type { EngineConfig, FabricConfig, ServerConfig } from "./types.ts";

/** Names between commas, trimmed, without empty ones: how a multi-provider value is taken apart. */
export function splitNames(value: string | undefined): string[] {
  return (value ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** What a fabric says of itself, completed by the defaults of the top of the file. */
function inheritFabric(own: EngineConfig, top: FabricConfig): void {
  const provider = own.provider ?? top.provider;
  if (provider !== undefined) own.provider = provider;
  const fabricIface = own.fabricIface ?? top.fabricIface;
  if (fabricIface !== undefined) own.fabricIface = fabricIface;
  const port = own.fabricIfacePort ?? top.fabricIfacePort;
  if (port !== undefined) own.fabricIfacePort = port;
  if (own.crtTimeout === 0) own.crtTimeout = top.crtTimeout;
  own.disableSrx ||= top.disableSrx;
  const authKey = own.fabricAuthKey ?? top.fabricAuthKey;
  if (authKey !== undefined) own.fabricAuthKey = authKey;
  if (own.secondaryProviderEndpoints.length === 0) {
    const secondaries = Math.max(0, splitNames(own.provider).length - 1);
    own.secondaryProviderEndpoints =
      top.secondaryProviderEndpoints.length > 0
        ? [...top.secondaryProviderEndpoints]
        : Array.from({ length: secondaries }, () => 1);
  }
}

/** Lets every engine take over the fabric keys that it does not set itself. `bypass_health_chk` is not one. */
export function inheritFromTop(config: ServerConfig): void {
  for (const engine of config.engines) inheritFabric(engine, config);
}

/**
 * "K=V" lists as 2.6 merges them: a name in `more` replaces the one in `base`; within one list the first
 * counts; entries without a name or a value are dropped. Sorted by name.
 */
export function mergeKeyValues(base: readonly string[], more: readonly string[]): string[] {
  const merged = new Map<string, string>();
  for (const pairs of [more, base]) {
    for (const pair of pairs) {
      const cut = pair.indexOf("=");
      const name = pair.slice(0, cut);
      if (cut > 0 && cut < pair.length - 1 && !merged.has(name)) merged.set(name, pair);
    }
  }
  return [...merged.keys()].sort().map((name) => merged.get(name) ?? "");
}

/**
 * The provider of the whole server, as 2.6 fixes it at start: that of the top of the file for every engine,
 * plain verbs completed by the rxm layer it cannot do without.
 */
export function settleProvider(config: ServerConfig): void {
  const providers = splitNames(config.provider);
  if (providers.length === 0) return;
  config.provider = providers.map((name) => (name === "ofi+verbs" ? `${name};ofi_rxm` : name)).join(",");
  for (const engine of config.engines) engine.provider = config.provider;
}
