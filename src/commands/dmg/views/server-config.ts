/** A server configuration as 2.6's JSON has it: the fields of its Go structures, by their own names. */
import {
  type BdevTierConfig,
  type EngineConfig,
  type FabricConfig,
  isScmTier,
  type ServerConfig,
  type StorageTierConfig,
} from "../../../config/types.ts";
import type { Json, JsonObject } from "../../../ui/json.ts";
import { listOrNull } from "./common.ts";

/** Levels as 2.6 counts them (logging.LogLevel). */
const logLevels: Readonly<Record<ServerConfig["controlLogMask"], number>> = {
  DISABLED: 0,
  ERROR: 1,
  NOTICE: 2,
  INFO: 3,
  DEBUG: 4,
  TRACE: 5,
};

export function serverConfigDocument(config: ServerConfig): Json {
  const metadata = {
    Path: config.controlMetadata.path ?? "",
    DevicePath: config.controlMetadata.device ?? "",
  };
  return {
    ControlPort: config.port,
    TransportConfig: {
      AllowInsecure: config.transportConfig.allowInsecure,
      ServerName: "server",
      ClientCertDir: config.transportConfig.clientCertDir ?? "",
      CARootPath: config.transportConfig.caCert,
      CertificatePath: config.transportConfig.cert,
      PrivateKeyPath: config.transportConfig.key,
    },
    Engines: listOrNull(config.engines.map((engine) => engineDocument(config, engine, metadata))),
    BdevExclude: listOrNull(config.bdevExclude),
    DisableVFIO: config.disableVfio,
    DisableVMD: config.disableVmd,
    EnableHotplug: config.enableHotplug,
    NrHugepages: config.nrHugepages,
    SystemRamReserved: config.systemRamReserved,
    DisableHugepages: config.disableHugepages,
    ControlLogMask: logLevels[config.controlLogMask],
    ControlLogFile: config.controlLogFile ?? "",
    ControlLogJSON: config.controlLogJson,
    HelperLogFile: config.helperLogFile ?? "",
    FWHelperLogFile: config.firmwareHelperLogFile ?? "",
    FaultPath: config.faultPath ?? "",
    TelemetryPort: config.telemetryPort ?? 0,
    CoreDumpFilter: config.coreDumpFilter,
    ClientEnvVars: listOrNull(config.clientEnvVars),
    SystemName: config.name,
    SocketDir: config.socketDir,
    Fabric: fabricDocument(config, 0),
    Modules: "",
    AccessPoints: listOrNull(config.accessPoints),
    Metadata: metadata,
    FaultCb: config.faultCb ?? "",
    Hyperthreads: config.hyperthreads,
    Path: config.configPath ?? "/etc/daos/daos_server.yml",
    AutoFormat: false,
  };
}

function engineDocument(config: ServerConfig, engine: EngineConfig, metadata: JsonObject): Json {
  const node = engine.pinnedNumaNode ?? 0;
  return {
    Modules: engine.modules ?? "",
    TargetCount: engine.targets,
    HelperStreamCount: engine.nrXsHelpers,
    ServiceThreadCore: engine.firstCore ?? null,
    SystemName: config.name,
    SocketDir: config.socketDir,
    LogMask: engine.logMask ?? "",
    LogFile: engine.logFile ?? "",
    Storage: storageDocument(config, engine, metadata, node),
    Fabric: fabricDocument(engine, node),
    EnvVars: listOrNull(engine.envVars),
    EnvPassThrough: listOrNull(engine.envPassThrough),
    PinnedNumaNode: engine.pinnedNumaNode ?? null,
    Index: 0,
    MemSize: 0,
    HugepageSz: 0,
    CheckerEnabled: false,
  };
}

function storageDocument(
  config: ServerConfig,
  engine: EngineConfig,
  metadata: JsonObject,
  node: number,
): Json {
  const bdevs = engine.storage.filter((tier): tier is BdevTierConfig => !isScmTier(tier));
  const scm = engine.storage.find(isScmTier);
  const folder = config.controlMetadata.path
    ? `${config.controlMetadata.path}/daos_control/engine${engine.index}`
    : (scm?.scmMount ?? "");
  return {
    ControlMetadata: metadata,
    EngineIdx: engine.index,
    Tiers: listOrNull(engine.storage.map((tier) => tierDocument(tier, node))),
    ConfigOutputPath: bdevs.length > 0 ? `${folder}/daos_nvme.conf` : "",
    VosEnv: bdevs.length > 0 ? "NVME" : "",
    EnableHotplug: config.enableHotplug,
    NumaNodeIndex: node,
    AccelProps: { accel_engine: engine.acceleration?.engine ?? "", accel_opts: 0 },
    SpdkRpcSrvProps: {
      enable: engine.spdkRpcServer?.enable ?? false,
      sock_addr: engine.spdkRpcServer?.sockAddr ?? "",
    },
    AutoFaultyProps: {
      enable: engine.bdevAutoFaulty?.enable ?? false,
      max_io_errs: engine.bdevAutoFaulty?.maxIoErrs ?? 0,
      max_csum_errs: engine.bdevAutoFaulty?.maxCsumErrs ?? 0,
    },
  };
}

function tierDocument(tier: StorageTierConfig, node: number): Json {
  const scm = isScmTier(tier) ? tier : undefined;
  const bdev = isScmTier(tier) ? undefined : tier;
  return {
    Tier: tier.tier,
    Class: tier.class,
    Scm: {
      MountPoint: scm?.scmMount ?? "",
      RamdiskSize: scm?.scmSize ?? 0,
      DisableHugepages: scm?.scmHugepagesDisabled ?? false,
      DeviceList: listOrNull(scm?.scmList ?? []),
      NumaNodeIndex: node,
    },
    Bdev: {
      DeviceList: listOrNull(bdev?.bdevList ?? []),
      DeviceCount: bdev?.bdevNumber ?? 0,
      FileSize: bdev?.bdevSize ?? 0,
      BusidRange: bdev?.bdevBusidRange ?? null,
      DeviceRoles: bdev?.bdevRoles.length ? bdev.bdevRoles.join(",") : "NA",
      NumaNodeIndex: node,
    },
  };
}

function fabricDocument(fabric: FabricConfig, node: number): Json {
  return {
    Provider: fabric.provider ?? "",
    Interface: fabric.fabricIface ?? "",
    InterfacePort: fabric.fabricIfacePort ?? 0,
    NumaNodeIndex: node,
    BypassHealthChk: fabric.bypassHealthChk ?? null,
    CrtTimeout: fabric.crtTimeout,
    NumSecondaryEndpoints: listOrNull(fabric.secondaryProviderEndpoints),
    DisableSRX: fabric.disableSrx,
    AuthKey: fabric.fabricAuthKey ?? "",
  };
}
