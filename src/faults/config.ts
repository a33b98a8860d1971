import { formatIecBytes } from "./bytes.ts";
import { FaultCode } from "./codes.ts";
import { Fault } from "./fault.ts";

/**
 * Faults of the three YAML files. Numbers and domains are those of 2.6 ("serverconfig", "storage",
 * "client"), so that a person can look them up; where in the file is added by config/problem.ts.
 */

function serverConfigFault(code: number, description: string, resolution: string): Fault {
  return new Fault("serverconfig", code, description, resolution);
}

function storageFault(code: number, description: string, resolution: string): Fault {
  return new Fault("storage", code, description, resolution);
}

/** Anything wrong in a file that has no number of its own. */
export function badConfig(
  description: string,
  resolution = "correct the configuration file and try again",
): Fault {
  return serverConfigFault(FaultCode.ServerBadConfig, description, resolution);
}

/** The same for daos_agent.yml and daos_control.yml; 2.6 has no number of its own for them. */
export function badClientConfig(
  description: string,
  resolution = "correct the configuration file and try again",
): Fault {
  return new Fault("client", FaultCode.ClientUnknown, description, resolution);
}

export function noConfigPath(): Fault {
  return serverConfigFault(
    FaultCode.ServerNoConfigPath,
    "configuration file path not set",
    "name the server configuration file with the option '-o'",
  );
}

export function badControlPort(detail: string): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigBadControlPort,
    `invalid control port in configuration: ${detail}`,
    "give a port from 1 to 65535 in 'port' (and in 'access_points', where a port is given there) and restart the control server",
  );
}

export function badTelemetryPort(port: number): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigBadTelemetryPort,
    `invalid telemetry port in configuration: ${port}`,
    "give a port from 1 to 65535 in 'telemetry_port', or remove it, and restart the control server",
  );
}

export function badAccessPoints(detail: string): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigBadAccessPoints,
    `invalid list of access points in configuration: ${detail}`,
    "'access_points' takes resolvable addresses, each once, as host or host:port; correct it and restart the control server",
  );
}

export function bothReplicaKeys(): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigBadAccessPoints,
    "both 'access_points' and 'mgmt_svc_replicas' are given",
    "the two are names of one setting: keep one of them",
  );
}

export function evenAccessPoints(count: number): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigEvenAccessPoints,
    `non-odd number of access points in configuration: ${count}`,
    "'access_points' takes an odd number of addresses (1, 3, 5 …), so that a majority exists; correct it and restart the control server",
  );
}

export function noProvider(): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigBadProvider,
    "provider not specified in server configuration",
    "set 'provider' at the top of the file; 'daos_server network scan' lists what this host supports",
  );
}

export function noEngines(): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigNoEngines,
    "no DAOS IO Engines specified in configuration",
    "add at least one entry to 'engines' and restart the control server",
  );
}

export function duplicateFabric(engine: number, other: number): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigDuplicateFabric,
    `the fabric configuration in I/O Engine ${engine} is a duplicate of I/O Engine ${other}`,
    "no two engines may share provider, fabric_iface and fabric_iface_port: change one of them and restart",
  );
}

function duplicateValue(code: number, key: string, engine: number, other: number): Fault {
  return serverConfigFault(
    code,
    `the ${key} value in I/O Engine ${engine} is a duplicate of I/O Engine ${other}`,
    `give every engine its own ${key} and restart`,
  );
}

export function duplicateLogFile(engine: number, other: number): Fault {
  return duplicateValue(FaultCode.ServerConfigDuplicateLogFile, "log_file", engine, other);
}

export function duplicateScmMount(engine: number, other: number): Fault {
  return duplicateValue(FaultCode.ServerConfigDuplicateScmMount, "scm_mount", engine, other);
}

export function duplicateScmList(engine: number, other: number): Fault {
  return duplicateValue(FaultCode.ServerConfigDuplicateScmDeviceList, "scm_list", engine, other);
}

export function scmClassDiffers(engine: number, other: number): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigScmDiffClass,
    `the SCM class in engine ${engine} is different from engine ${other}`,
    "use one class of memory tier (ram or dcpm) in all engines and restart",
  );
}

export function overlappingBdevs(device: string, engine: number, other: number): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigOverlappingBdevDeviceList,
    `the bdev_list value in engine ${engine} overlaps with entries in engine ${other}: ${device}`,
    "give every device to one engine only and restart",
  );
}

export function bdevCountMismatch(engine: number, count: number, other: number, otherCount: number): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigBdevCountMismatch,
    `the total number of bdev_list entries in all tiers is not equal across engines, engine ${engine} has ${count} but engine ${other} has ${otherCount}`,
    "give every engine the same number of devices and restart",
  );
}

export function targetCountMismatch(engine: number, count: number, other: number, otherCount: number): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigTargetCountMismatch,
    `the target count is not equal across engines, engine ${engine} has ${count} but engine ${other} has ${otherCount}`,
    "give 'targets' the same value in all engines and restart",
  );
}

export function helperCountMismatch(engine: number, count: number, other: number, otherCount: number): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigHelperStreamCountMismatch,
    `the helper stream count is not equal across engines, engine ${engine} has ${count} but engine ${other} has ${otherCount}`,
    "give 'nr_xs_helpers' the same value in all engines and restart",
  );
}

/** `deviceClass` and `primaryClass` as the hardware room names them ("INFINIBAND"). */
export function netDevClassMismatch(
  engine: number,
  iface: string,
  deviceClass: string,
  primaryClass: string,
): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigInvalidNetDevClass,
    `I/O Engine ${engine} specifies fabric_iface "${iface}" of class "${deviceClass}" that conflicts with the primary server's device class "${primaryClass}"`,
    "use interfaces of one class in all engines and restart",
  );
}

const mendFaultDomain =
  "correct 'fault_path', or the script that 'fault_cb' names, and restart the control server";

export function faultDomainInvalid(text: string): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigFaultDomainInvalid,
    `invalid fault domain "${text}"`,
    mendFaultDomain,
  );
}

export function faultDomainTooDeep(text: string): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigFaultDomainTooManyLayers,
    `the fault domain path may have a maximum of 2 levels below the root: "${text}"`,
    mendFaultDomain,
  );
}

export function faultCallbackNotFound(path: string): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigFaultCallbackNotFound,
    `fault domain callback script not found: ${path}`,
    "name an existing script in 'fault_cb' and restart the control server",
  );
}

export function faultCallbackInsecure(path: string, requiredDir: string): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigFaultCallbackInsecure,
    `fault domain callback script does not meet security requirements: ${path}`,
    `the script must lie below ${requiredDir}, be no symbolic link, have no setuid bit, and be writable by its owner only`,
  );
}

export function faultCallbackBadPermissions(path: string): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigFaultCallbackBadPerms,
    `fault domain callback cannot be executed: ${path}`,
    "let the user that runs the server execute the script that 'fault_cb' names, and restart the control server",
  );
}

export function faultCallbackFailed(reason: string): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigFaultCallbackFailed,
    `fault domain callback script failed during execution: ${reason}`,
    "mend the script that 'fault_cb' names and restart the control server",
  );
}

export function faultCallbackEmpty(path: string): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigFaultCallbackEmpty,
    `fault domain callback executed but did not generate output: ${path}`,
    "let the script that 'fault_cb' names print a fault domain such as /rack1/node7, and restart the control server",
  );
}

export function bothFaultPathAndCallback(): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigBothFaultPathAndCb,
    "both 'fault_path' and 'fault_cb' are given",
    "keep one of 'fault_path' and 'fault_cb' and restart the control server",
  );
}

export function hugepagesOutOfRange(count: number, maximum: number): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigNrHugepagesOutOfRange,
    `number of hugepages specified (${count}) is out of range (0 - ${maximum})`,
    `give 'nr_hugepages' a value from 0 (sized by the server) to ${maximum}`,
  );
}

export function hugepagesDisabledWithBdevs(): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigHugepagesDisabledWithBdevs,
    "hugepages cannot be disabled if bdevs have been specified in config",
    "remove 'disable_hugepages', or the block device tiers, and restart the control server",
  );
}

export function controlMetadataNoPath(): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigControlMetadataNoPath,
    "a control_metadata device needs a path to be mounted at",
    "add 'path' to 'control_metadata'",
  );
}

export function ramdiskUnderMinimum(configuredBytes: number, minimumBytes: number): Fault {
  return storageFault(
    FaultCode.ServerConfigRamdiskUnderMinMem,
    `configured ram-disk size ${formatIecBytes(configuredBytes)} is lower than the minimum (${formatIecBytes(minimumBytes)}) required for SCM`,
    `remove 'scm_size', so that the server sizes the ram tier, or give it at least ${formatIecBytes(minimumBytes)}`,
  );
}

export function ramdiskOverMaximum(
  configuredBytes: number,
  maximumBytes: number,
  minimumBytes: number,
): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigRamdiskOverMaxMem,
    `configured scm tmpfs size ${formatIecBytes(configuredBytes)} is larger than the maximum (${formatIecBytes(maximumBytes)}) that total system memory (RAM) will allow`,
    `remove 'scm_size', so that the server sizes the ram tier, or give it between ${formatIecBytes(minimumBytes)} and ${formatIecBytes(maximumBytes)}`,
  );
}

export function ramdiskLowMemory(ramdiskBytes: number, neededBytes: number, presentBytes: number): Fault {
  return storageFault(
    FaultCode.ScmRamdiskLowMem,
    `Total memory (RAM) insufficient for configured ${formatIecBytes(ramdiskBytes)} ram-disk size, want ${formatIecBytes(neededBytes)} RAM but only have ${formatIecBytes(presentBytes)}`,
    "lower 'targets' or 'system_ram_reserved' in the server configuration, or add memory",
  );
}

export function bdevRolesDiffer(): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigEngineBdevRolesMismatch,
    "md-on-ssd bdev roles have been set in some but not all engine configs",
    "set 'bdev_roles' in all engines or in none",
  );
}

export function systemRamReservedZero(value: number): Fault {
  return serverConfigFault(
    FaultCode.ServerConfigSysRsvdZero,
    `\`system_ram_reserved\` must be positive in server config, not ${value}`,
    "give `system_ram_reserved` at least 1 (GiB), or remove it",
  );
}

export function scmTierMissing(): Fault {
  return storageFault(
    FaultCode.ScmConfigTierMissing,
    "missing scm storage tier in engine storage config",
    "make the first entry of the engine's 'storage' a tier of class ram or dcpm and restart daos_server",
  );
}

export function unknownAccelerationEngine(name: string): Fault {
  return storageFault(
    FaultCode.BdevAccelEngineUnknown,
    `unknown acceleration engine setting "${name}"`,
    "'engine' of 'acceleration' is one of spdk, dml, none",
  );
}

export function unknownOption(name: string, options: readonly string[]): Fault {
  return storageFault(
    FaultCode.BdevConfigOptFlagUnknown,
    `unknown option flag given: "${name}"`,
    `supported options are [${options.join(" ")}]; correct the server configuration and restart daos_server`,
  );
}

export function bdevTypesMixed(): Fault {
  return storageFault(
    FaultCode.BdevConfigTierTypeMismatch,
    "bdev tiers found with both NVMe devices and stand-ins for them (file, kdev) specified in config",
    "use either class nvme, or classes file and kdev, in one engine; not both",
  );
}

export function rolesWithDcpm(): Fault {
  return storageFault(
    FaultCode.BdevConfigRolesWithDCPM,
    "MD-on-SSD roles have been specified in config with scm class set to dcpm",
    "'bdev_roles' need a memory tier of class ram: change the class or remove the roles, and restart daos_server",
  );
}

export function wrongRoleCount(role: string, found: number, wanted: number): Fault {
  return storageFault(
    FaultCode.BdevConfigRolesBadNr,
    `found ${found} ${role} tiers, wanted ${wanted}`,
    `give the role ${role.toLowerCase()} to exactly ${wanted} tier of 'bdev_roles' and restart daos_server`,
  );
}

export function rolesMissing(): Fault {
  return storageFault(
    FaultCode.BdevConfigRolesMissing,
    "bdev tier MD-on-SSD roles have been specified on some but not all bdev tiers in config",
    "set 'bdev_roles' on every block device tier of the engine and restart daos_server",
  );
}

export function rolesWalDataNoMeta(): Fault {
  return storageFault(
    FaultCode.BdevConfigRolesWalDataNoMeta,
    "WAL and Data MD-on-SSD roles have been specified on a bdev tier without Meta role",
    "wal and data may share a tier only together with meta: change 'bdev_roles' and restart daos_server",
  );
}

export function bdevTiersWithoutRoles(): Fault {
  return storageFault(
    FaultCode.BdevConfigMultiTierWithoutRoles,
    "multiple bdev tiers but MD-on-SSD roles have not been specified",
    "set 'bdev_roles' on all block device tiers, or use one such tier, and restart daos_server",
  );
}

export function tooManyTiersWithRoles(): Fault {
  return storageFault(
    FaultCode.BdevConfigBadNrTiersWithRoles,
    "only 1, 2 or 3 bdev tiers are supported when MD-on-SSD roles are specified",
    "use at most 3 block device tiers in an engine and restart daos_server",
  );
}

export function controlMetadataWithoutRoles(): Fault {
  return storageFault(
    FaultCode.BdevConfigControlMetadataNoRoles,
    "using 'control_metadata.path' requires MD-on-SSD roles",
    "set 'bdev_roles' on the block device tiers of every engine, or remove 'control_metadata', and restart daos_server",
  );
}

export function rolesWithoutControlMetadata(): Fault {
  return storageFault(
    FaultCode.BdevConfigRolesNoControlMetadata,
    "'control_metadata.path' is required when MD-on-SSD roles are specified",
    "set 'path' of 'control_metadata' to a folder that outlives a reboot and restart daos_server",
  );
}

export function clientBadControlPort(port: number): Fault {
  return new Fault(
    "client",
    FaultCode.ClientConfigBadControlPort,
    `invalid control port in configuration: ${port}`,
    "give a port from 1 to 65535 in 'port' and retry the client application",
  );
}

export function clientBadAccessPoints(detail: string): Fault {
  return new Fault(
    "client",
    FaultCode.ClientConfigBadAccessPoints,
    `invalid list of access points in configuration: ${detail}`,
    "'access_points' takes addresses as host or host:port; correct it and retry",
  );
}

export function clientBothReplicaKeys(): Fault {
  return new Fault(
    "client",
    FaultCode.ClientConfigBadAccessPoints,
    "both 'access_points' and 'mgmt_svc_replicas' are given",
    "the two are names of one setting: keep one of them",
  );
}

export function emptyHostlist(): Fault {
  return new Fault(
    "client",
    FaultCode.ClientConfigEmptyHostList,
    "empty hostlist parameter in configuration",
    "name at least one DAOS server in 'hostlist' and retry the client application",
  );
}
