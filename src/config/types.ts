/**
 * The three YAML files as values, after defaults. Names are the camelCase of the YAML keys, nested alike,
 * so that a reader of the file finds the field and the other way round. A key that may be absent is an
 * optional field; a key with a default is always there. Lists are never undefined.
 */

/** Levels that `control_log_mask` takes, in rising weight. */
export type ControlLogLevel = "TRACE" | "DEBUG" | "INFO" | "NOTICE" | "ERROR" | "DISABLED";

/** `transport_config`: how the control plane's peers prove who they are. */
export interface TransportConfig {
  /** No TLS at all. The paths below are then not looked at. */
  allowInsecure: boolean;
  caCert: string;
  cert: string;
  key: string;
  /** Servers only: the folder of certificates of agents and admins (their public halves). */
  clientCertDir?: string;
}

/** `control_metadata`: where the control plane keeps its files when the engines' memory tier is volatile. */
export interface ControlMetadataConfig {
  path?: string;
  /** Block device mounted at `path`. */
  device?: string;
}

/** Fabric keys. They stand at the top of the file as defaults and again in every engine. */
export interface FabricConfig {
  /** One provider as libfabric or UCX names it, "ofi+tcp", "ucx+dc_x". */
  provider?: string;
  fabricIface?: string;
  /** First port of the engine; undefined when not given. */
  fabricIfacePort?: number;
  bypassHealthChk?: boolean;
  /** Seconds; 0: the engine's own default. */
  crtTimeout: number;
  secondaryProviderEndpoints: number[];
  disableSrx: boolean;
  fabricAuthKey?: string;
}

/** `class` of a storage tier. "dcpm" and "ram" are memory tiers, the others block device tiers. */
export type StorageClass = "dcpm" | "ram" | "nvme" | "kdev" | "file";

export type BdevRole = "data" | "meta" | "wal";

/** A memory tier (2.6 calls it SCM whatever it is made of). */
export interface ScmTierConfig {
  /** Position in the engine's `storage` list, from 0. */
  tier: number;
  class: "dcpm" | "ram";
  scmMount: string;
  /** GiB; 0: sized by the server from the memory it finds (class ram). */
  scmSize: number;
  scmHugepagesDisabled: boolean;
  /** PMem namespaces such as /dev/pmem0 (class dcpm), at most one. */
  scmList: string[];
}

/** A tier of block devices. */
export interface BdevTierConfig {
  tier: number;
  class: "nvme" | "kdev" | "file";
  /** PCI addresses in canonical form, sorted (class nvme), or paths. */
  bdevList: string[];
  bdevNumber: number;
  /** GiB of every file (class file); 0: not given. */
  bdevSize: number;
  /** Bus numbers whose hot plug events count, "0x80-0x8f" in canonical form. */
  bdevBusidRange?: string;
  /** Sorted by name, each at most once. Empty: no roles (not MD-on-SSD). */
  bdevRoles: BdevRole[];
}

export type StorageTierConfig = ScmTierConfig | BdevTierConfig;

/** `acceleration`: offload of moves and checksums in the engine's SPDK. */
export interface AccelerationConfig {
  engine: "none" | "spdk" | "dml";
  /** Sorted by name. */
  options: ("crc" | "move")[];
}

export interface SpdkRpcServerConfig {
  enable: boolean;
  sockAddr?: string;
}

export interface BdevAutoFaultyConfig {
  enable: boolean;
  maxIoErrs: number;
  maxCsumErrs: number;
}

/** One entry of `engines`. */
export interface EngineConfig extends FabricConfig {
  /** Position in `engines`, from 0: the engine's instance index. Not a key of the file. */
  index: number;
  /** Engine modules to load; undefined: the engine's own list. */
  modules?: string;
  targets: number;
  nrXsHelpers: number;
  firstCore?: number;
  pinnedNumaNode?: number;
  logMask?: string;
  logFile?: string;
  /** "K=V". */
  envVars: string[];
  /** Names of variables the engine inherits from the server's environment. */
  envPassThrough: string[];
  storage: StorageTierConfig[];
  /** undefined when the file has no such section (daos_nvme.conf differs then). */
  acceleration?: AccelerationConfig;
  spdkRpcServer?: SpdkRpcServerConfig;
  bdevAutoFaulty?: BdevAutoFaultyConfig;
}

/**
 * Section `management_service`: how the system's database is kept. It is daosctl's own: a DAOS 2.6 server refuses a
 * file that has it.
 */
export interface ManagementServiceConfig {
  /** Hours between automatic backups (default 12); 0: none are made. */
  backupHours?: number;
  /** Automatic backups that are kept (default 5). */
  backupsKept?: number;
  /** "https://host:port" of the servers of an etcd cluster that somebody else runs; none: our own. */
  etcdEndpoints: string[];
  etcdCaCert: string;
  etcdCert: string;
  etcdKey: string;
}

/** daos_server.yml. */
export interface ServerConfig extends FabricConfig {
  /** The file it came from; undefined for one made in memory. Not a key of the file. */
  configPath?: string;
  name: string;
  /** "host:port", port filled in by validation. `mgmt_svc_replicas` in the file means the same. */
  accessPoints: string[];
  /** Control port (gRPC). */
  port: number;
  transportConfig: TransportConfig;
  socketDir: string;
  engines: EngineConfig[];
  bdevExclude: string[];
  disableVfio: boolean;
  disableVmd: boolean;
  enableHotplug: boolean;
  /** Pages for all engines together; 0: as many as the targets need. */
  nrHugepages: number;
  /** GiB kept from the ram tiers for everything else on the host. */
  systemRamReserved: number;
  disableHugepages: boolean;
  controlLogMask: ControlLogLevel;
  controlLogFile?: string;
  controlLogJson: boolean;
  helperLogFile?: string;
  firmwareHelperLogFile?: string;
  telemetryPort?: number;
  /** Bits of /proc/self/coredump_filter. */
  coreDumpFilter: number;
  /** "K=V", handed to clients by GetAttachInfo. */
  clientEnvVars: string[];
  controlMetadata: ControlMetadataConfig;
  managementService?: ManagementServiceConfig;
  faultPath?: string;
  faultCb?: string;
  hyperthreads: boolean;
}

export interface AgentFabricDevice {
  iface: string;
  domain?: string;
}

/** One entry of `fabric_ifaces`. */
export interface AgentFabricConfig {
  numaNode: number;
  devices: AgentFabricDevice[];
}

/** daos_agent.yml. */
export interface AgentConfig {
  configPath?: string;
  name: string;
  accessPoints: string[];
  port: number;
  runtimeDir: string;
  logFile?: string;
  controlLogMask: ControlLogLevel;
  transportConfig: TransportConfig;
  disableCaching: boolean;
  /** Minutes; 0: cached answers are kept until told otherwise. */
  cacheExpiration: number;
  disableAutoEvict: boolean;
  enableEvictOnStart: boolean;
  excludeFabricIfaces: string[];
  fabricIfaces: AgentFabricConfig[];
  /** Which of the servers' providers clients are pointed at. 2.6 takes the key without documenting it. */
  providerIdx: number;
  telemetryPort?: number;
  telemetryEnabled: boolean;
  /** Milliseconds (a Go duration such as "5m" in the file); 0: dropped with the client. */
  telemetryRetain: number;
}

/** daos_control.yml. */
export interface ControlConfig {
  configPath?: string;
  name: string;
  port: number;
  /** "host" or "host:port", host sets not expanded. */
  hostlist: string[];
  transportConfig: TransportConfig;
}

/** What the sizing rules need to know of the host's memory (/proc/meminfo, in its own units). */
export interface MemoryFacts {
  memTotalKib: number;
  hugepageSizeKib: number;
}

/** True for a memory tier. */
export function isScmTier(tier: StorageTierConfig): tier is ScmTierConfig {
  return tier.class === "dcpm" || tier.class === "ram";
}

/** True for a tier of block devices. */
export function isBdevTier(tier: StorageTierConfig): tier is BdevTierConfig {
  return !isScmTier(tier);
}
