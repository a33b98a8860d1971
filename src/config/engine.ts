import { badConfig, scmTierMissing, unknownAccelerationEngine } from "../faults/config.ts";
import { given } from "./common-keys.ts";
import type { ReadContext } from "./document.ts";
import { anyInteger, bool, convert, list, section, text, uint32, unsigned, type Values } from "./read.ts";
import { makeTier, optionSet, type TierValues, tierKeys, tierSection } from "./tier.ts";
import type { AccelerationConfig, EngineConfig, FabricConfig, StorageTierConfig } from "./types.ts";

/** Fabric keys: the same at the top of the file and in an engine. */
export const fabricFields = {
  provider: text,
  fabric_iface: text,
  fabric_iface_port: anyInteger,
  bypass_health_chk: bool,
  crt_timeout: uint32,
  secondary_provider_endpoints: list(anyInteger),
  disable_srx: bool,
  fabric_auth_key: text,
};

export function fabricConfig(values: Values<typeof fabricFields>): FabricConfig {
  const made: FabricConfig = {
    crtTimeout: values.crt_timeout ?? 0,
    secondaryProviderEndpoints: values.secondary_provider_endpoints ?? [],
    disableSrx: values.disable_srx ?? false,
  };
  const provider = given(values.provider);
  if (provider !== undefined) made.provider = provider;
  const fabricIface = given(values.fabric_iface);
  if (fabricIface !== undefined) made.fabricIface = fabricIface;
  if (values.fabric_iface_port) made.fabricIfacePort = values.fabric_iface_port;
  if (values.bypass_health_chk !== undefined) made.bypassHealthChk = values.bypass_health_chk;
  const authKey = given(values.fabric_auth_key);
  if (authKey !== undefined) made.fabricAuthKey = authKey;
  return made;
}

const accelerationOptions = ["crc", "move"] as const;

/** No engine named: none. An engine without options gets them all; "none" has none. */
const acceleration = convert(
  section({ engine: text, options: convert(list(text), (names) => optionSet(names, accelerationOptions)) }),
  (values, context, key): AccelerationConfig => {
    // 2.6 tells an empty `engine:` from an absent one, and refuses it.
    const engine = values.engine ?? (context.positions.has(`${key}.engine`) ? "" : "none");
    if (engine === "none") return { engine, options: [] };
    if (engine !== "spdk" && engine !== "dml") throw unknownAccelerationEngine(engine);
    const options = values.options ?? [];
    return { engine, options: options.length > 0 ? options : [...accelerationOptions] };
  },
);

/** Numbers the tiers and judges those without a class. */
function makeTiers(values: TierValues[], context: ReadContext): StorageTierConfig[] {
  const hasScm = values.some((tier) => tier.class === "ram" || tier.class === "dcpm");
  const tiers: StorageTierConfig[] = [];
  for (const [index, tierValues] of values.entries()) {
    if (tierValues.classMissing) {
      context.problems.push({
        key: tierValues.key,
        fault: hasScm
          ? badConfig(
              `tier ${index} failed validation: no storage class set`,
              'give the tier a "class": ram or dcpm for memory, nvme, file or kdev for block devices',
            )
          : scmTierMissing(),
      });
    }
    const tier = makeTier(tierValues, index);
    if (tier !== undefined) tiers.push(tier);
  }
  return tiers;
}

export const engineFields = {
  modules: text,
  targets: anyInteger,
  nr_xs_helpers: anyInteger,
  first_core: anyInteger,
  log_mask: text,
  log_file: text,
  storage: convert(list(tierSection), makeTiers),
  acceleration,
  spdk_rpc_server: section({ enable: bool, sock_addr: text }),
  bdev_auto_faulty: section({ enable: bool, max_io_errs: uint32, max_csum_errs: uint32 }),
  ...fabricFields,
  env_vars: list(text),
  env_pass_through: list(text),
  pinned_numa_node: unsigned,
};

export const engineSection = section(engineFields, (name) =>
  tierKeys.includes(name) || name === "scm_class" || name === "bdev_class"
    ? `it belongs in a tier of the engine's "storage" list`
    : undefined,
);

/** One engine as the file has it, before it takes over what the top of the file says. */
export function makeEngine(values: Values<typeof engineFields>, index: number): EngineConfig {
  const engine: EngineConfig = {
    index,
    targets: values.targets ?? 0,
    nrXsHelpers: values.nr_xs_helpers ?? 0,
    ...fabricConfig(values),
    envVars: values.env_vars ?? [],
    envPassThrough: values.env_pass_through ?? [],
    storage: values.storage ?? [],
  };
  // `modules` of the file is overwritten in 2.6 by the command line's, which is empty by default.
  if (values.first_core !== undefined) engine.firstCore = values.first_core;
  if (values.pinned_numa_node !== undefined) engine.pinnedNumaNode = values.pinned_numa_node;
  const logMask = given(values.log_mask);
  if (logMask !== undefined) engine.logMask = logMask;
  const logFile = given(values.log_file);
  if (logFile !== undefined) engine.logFile = logFile;
  if (values.acceleration !== undefined) engine.acceleration = values.acceleration;
  const rpc = values.spdk_rpc_server;
  if (rpc !== undefined) {
    const sockAddr = given(rpc.sock_addr);
    engine.spdkRpcServer = { enable: rpc.enable ?? false, ...(sockAddr === undefined ? {} : { sockAddr }) };
  }
  const faulty = values.bdev_auto_faulty;
  if (faulty !== undefined) {
    engine.bdevAutoFaulty = {
      enable: faulty.enable ?? false,
      maxIoErrs: faulty.max_io_errs ?? 0,
      maxCsumErrs: faulty.max_csum_errs ?? 0,
    };
  }
  return engine;
}
