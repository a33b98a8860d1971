import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { formatDurationMs } from "./scalars.ts";
import {
  type AgentConfig,
  type ControlConfig,
  type EngineConfig,
  type FabricConfig,
  isScmTier,
  type ServerConfig,
  type StorageTierConfig,
  type TransportConfig,
} from "./types.ts";

/** Name of the effective configuration that a server leaves in its socket folder. */
export const activeConfigName = ".daos_server.active.yml";

type YamlValue = string | number | boolean | undefined | YamlValue[] | { [key: string]: YamlValue };

/** Without keys that have nothing to say; 2.6 leaves the same ones out. */
function pruned(fields: Record<string, YamlValue>): Record<string, YamlValue> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function unlessEmpty(list: YamlValue[]): YamlValue[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** Quoting is that of YAML 1.1, which 2.6 reads. */
function toText(fields: Record<string, YamlValue>): string {
  return stringify(pruned(fields), { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
}

function transportFields(transport: TransportConfig): YamlValue {
  return pruned({
    allow_insecure: transport.allowInsecure,
    client_cert_dir: transport.clientCertDir,
    ca_cert: transport.caCert,
    cert: transport.cert,
    key: transport.key,
  });
}

function fabricFields(fabric: FabricConfig): Record<string, YamlValue> {
  return {
    provider: fabric.provider,
    fabric_iface: fabric.fabricIface,
    fabric_iface_port: fabric.fabricIfacePort,
    bypass_health_chk: fabric.bypassHealthChk,
    crt_timeout: fabric.crtTimeout || undefined,
    secondary_provider_endpoints: unlessEmpty(fabric.secondaryProviderEndpoints),
    disable_srx: fabric.disableSrx || undefined,
    fabric_auth_key: fabric.fabricAuthKey,
  };
}

function tierFields(tier: StorageTierConfig): YamlValue {
  if (isScmTier(tier)) {
    return pruned({
      class: tier.class,
      scm_mount: tier.scmMount || undefined,
      scm_size: tier.scmSize || undefined,
      scm_hugepages_disabled: tier.scmHugepagesDisabled || undefined,
      scm_list: unlessEmpty(tier.scmList),
    });
  }
  return pruned({
    class: tier.class,
    bdev_list: unlessEmpty(tier.bdevList),
    bdev_number: tier.bdevNumber || undefined,
    bdev_size: tier.bdevSize || undefined,
    bdev_busid_range: tier.bdevBusidRange,
    bdev_roles: unlessEmpty(tier.bdevRoles),
  });
}

function engineFields(engine: EngineConfig): YamlValue {
  const { acceleration, spdkRpcServer, bdevAutoFaulty } = engine;
  return pruned({
    modules: engine.modules,
    targets: engine.targets || undefined,
    nr_xs_helpers: engine.nrXsHelpers,
    first_core: engine.firstCore,
    log_mask: engine.logMask,
    log_file: engine.logFile,
    storage: engine.storage.map(tierFields),
    acceleration:
      acceleration && pruned({ engine: acceleration.engine, options: unlessEmpty(acceleration.options) }),
    spdk_rpc_server:
      spdkRpcServer && pruned({ enable: spdkRpcServer.enable, sock_addr: spdkRpcServer.sockAddr }),
    bdev_auto_faulty: bdevAutoFaulty && {
      enable: bdevAutoFaulty.enable,
      max_io_errs: bdevAutoFaulty.maxIoErrs,
      max_csum_errs: bdevAutoFaulty.maxCsumErrs,
    },
    ...fabricFields(engine),
    env_vars: unlessEmpty(engine.envVars),
    env_pass_through: unlessEmpty(engine.envPassThrough),
    pinned_numa_node: engine.pinnedNumaNode,
  });
}

/** The configuration as a file that loadServerConfig, or 2.6, reads back to the same configuration. */
export function serverConfigToYaml(config: ServerConfig): string {
  const { path, device } = config.controlMetadata;
  return toText({
    port: config.port,
    transport_config: transportFields(config.transportConfig),
    engines: config.engines.map(engineFields),
    bdev_exclude: unlessEmpty(config.bdevExclude),
    disable_vfio: config.disableVfio,
    disable_vmd: config.disableVmd,
    enable_hotplug: config.enableHotplug,
    nr_hugepages: config.nrHugepages,
    system_ram_reserved: config.systemRamReserved,
    disable_hugepages: config.disableHugepages,
    control_log_mask: config.controlLogMask,
    control_log_file: config.controlLogFile,
    control_log_json: config.controlLogJson || undefined,
    helper_log_file: config.helperLogFile,
    firmware_helper_log_file: config.firmwareHelperLogFile,
    fault_path: config.faultPath,
    telemetry_port: config.telemetryPort,
    core_dump_filter: config.coreDumpFilter,
    client_env_vars: unlessEmpty(config.clientEnvVars),
    name: config.name,
    socket_dir: config.socketDir,
    ...fabricFields(config),
    access_points: config.accessPoints,
    control_metadata: path === undefined && device === undefined ? undefined : pruned({ path, device }),
    fault_cb: config.faultCb,
    hyperthreads: config.hyperthreads,
    management_service: managementFields(config),
  });
}

function managementFields({ managementService }: ServerConfig): YamlValue | undefined {
  if (managementService === undefined) return undefined;
  const { backupHours, backupsKept, etcdEndpoints, etcdCaCert, etcdCert, etcdKey } = managementService;
  return pruned({
    backup_hours: backupHours,
    backups_kept: backupsKept,
    etcd_endpoints: unlessEmpty(etcdEndpoints),
    etcd_ca_cert: etcdCaCert || undefined,
    etcd_cert: etcdCert || undefined,
    etcd_key: etcdKey || undefined,
  });
}

export function agentConfigToYaml(config: AgentConfig): string {
  return toText({
    name: config.name,
    access_points: config.accessPoints,
    port: config.port,
    runtime_dir: config.runtimeDir,
    log_file: config.logFile,
    control_log_mask: config.controlLogMask,
    transport_config: transportFields(config.transportConfig),
    disable_caching: config.disableCaching || undefined,
    cache_expiration: config.cacheExpiration || undefined,
    disable_auto_evict: config.disableAutoEvict || undefined,
    enable_evict_on_start: config.enableEvictOnStart || undefined,
    exclude_fabric_ifaces: unlessEmpty(config.excludeFabricIfaces),
    fabric_ifaces: unlessEmpty(
      config.fabricIfaces.map(({ numaNode, devices }) => ({
        numa_node: numaNode,
        devices: devices.map(({ iface, domain }) => pruned({ iface, domain })),
      })),
    ),
    provideridx: config.providerIdx || undefined,
    telemetry_port: config.telemetryPort,
    telemetry_enabled: config.telemetryEnabled || undefined,
    telemetry_retain: config.telemetryRetain === 0 ? undefined : formatDurationMs(config.telemetryRetain),
  });
}

export function controlConfigToYaml(config: ControlConfig): string {
  return toText({
    name: config.name,
    port: config.port,
    hostlist: config.hostlist,
    transport_config: transportFields(config.transportConfig),
  });
}

/**
 * Leaves the effective configuration in the socket folder, for people and for support bundles (mode 0644, as
 * in 2.6). It replaces an earlier one in one step.
 * @returns its path.
 */
export async function saveActiveConfig(config: ServerConfig): Promise<string> {
  const path = join(config.socketDir, activeConfigName);
  const draft = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(draft, "w", 0o644);
    try {
      await file.writeFile(serverConfigToYaml(config));
      await file.chmod(0o644);
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return path;
}
