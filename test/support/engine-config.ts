import type { BdevTierConfig, EngineConfig, ScmTierConfig } from "../../src/config/types.ts";

/** A "ram" tier of 4 GiB. */
export function ramTier(scmMount: string, over: Partial<ScmTierConfig> = {}): ScmTierConfig {
  return { tier: 0, class: "ram", scmMount, scmSize: 4, scmHugepagesDisabled: false, scmList: [], ...over };
}

export function bdevTier(over: Partial<BdevTierConfig> = {}): BdevTierConfig {
  return { tier: 1, class: "file", bdevList: [], bdevNumber: 0, bdevSize: 1, bdevRoles: [], ...over };
}

/** An engine as the configuration of BEHAVIOUR's recorded start has it. */
export function engineConfig(over: Partial<EngineConfig> = {}): EngineConfig {
  return {
    index: 0,
    targets: 1,
    nrXsHelpers: 0,
    provider: "ofi+tcp",
    fabricIface: "lo",
    fabricIfacePort: 31416,
    crtTimeout: 0,
    secondaryProviderEndpoints: [],
    disableSrx: false,
    envVars: [],
    envPassThrough: [],
    storage: [ramTier("/mnt/daos")],
    ...over,
  };
}
