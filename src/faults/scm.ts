import { FaultCode } from "./codes.ts";
import { Fault } from "./fault.ts";

/** Faults of PMem modules, regions and namespaces. */

const RECREATE_REGIONS =
  "recreate the regions: run 'daos_server scm reset', reboot, then 'daos_server scm prepare' and reboot when told";

function badRegion(description: string, resolution: string): Fault {
  return new Fault("storage", FaultCode.ScmBadRegion, description, resolution);
}

export function faultScmNotInterleaved(socket: number): Fault {
  return badRegion(
    `PMem region on socket ${socket} is in non-interleaved mode, which is unsupported`,
    RECREATE_REGIONS,
  );
}

export function faultScmNotHealthy(socket: number): Fault {
  return badRegion(
    `PMem region on socket ${socket} is unhealthy`,
    `check the modules ('ipmctl show -dimm', 'ipmctl show -topology') and replace faulty ones, then ${RECREATE_REGIONS}`,
  );
}

export function faultScmPartialCapacity(socket: number): Fault {
  return badRegion(
    `PMem region on socket ${socket} only has partial capacity free`,
    "remove the namespaces that are there with 'daos_server scm reset' and prepare again; no reboot should be needed",
  );
}

export function faultScmUnknownMode(socket: number): Fault {
  return badRegion(
    `PMem region on socket ${socket} has an unsupported persistent memory type`,
    RECREATE_REGIONS,
  );
}

export function faultScmInvalidPMem(what: string): Fault {
  return new Fault(
    "storage",
    FaultCode.ScmInvalidPMem,
    `PMem is in an invalid state: ${what}`,
    RECREATE_REGIONS,
  );
}

export function faultScmNoPMem(): Fault {
  return new Fault(
    "storage",
    FaultCode.ScmNoPMem,
    "No PMem modules exist on storage server",
    "install PMem modules and retry the command, or use class ram for the memory tier",
  );
}

/** @param what the function of libipmctl that failed, and its words. */
export function faultScmDiscovery(what: string): Fault {
  return new Fault("scm", FaultCode.ScmDiscoveryFailed, "module discovery failed", "", what);
}

/** A call of libipmctl or a run of ndctl that was to change something failed. */
export function faultScmCommand(what: string, reason: string, resolution = ""): Fault {
  return new Fault("scm", FaultCode.ScmUnknown, `${what} failed`, resolution, reason);
}

export function faultNdctlMissing(): Fault {
  return new Fault(
    "scm",
    FaultCode.MissingSoftwareDependency,
    "ndctl utility not found",
    "install the package ndctl of your distribution",
  );
}

/** Versions of ipmctl that are known to corrupt region information. */
export function faultIpmctlBadVersion(version: string): Fault {
  return new Fault(
    "scm",
    FaultCode.BadVersionSoftwareDependency,
    `DAOS will not work with ipmctl package version ${version}`,
    "upgrade ipmctl and libipmctl",
  );
}

/** The memory tier is configured on a device that is not there. */
export function faultScmMissingDevice(device: string): Fault {
  return new Fault(
    "scm",
    FaultCode.ScmFormatMissingDevice,
    `configured SCM device ${device} does not exist`,
    "check 'scm_list', and prepare PMem with 'daos_server scm prepare'",
  );
}

/** There is data, and nothing said that it may go. */
export function faultScmNoReformat(device: string, found: string): Fault {
  return new Fault(
    "scm",
    FaultCode.StorageAlreadyFormatted,
    "format request for device with an existing filesystem signature",
    "retry the operation with force option to overwrite existing data",
    `${device} holds ${found}`,
  );
}

/** The device has its file system, but the folder to mount it on is gone. */
export function faultDeviceWithFsNoMountpoint(device: string, target: string): Fault {
  return new Fault(
    "storage",
    FaultCode.StorageDeviceWithFsNoMountpoint,
    `filesystem exists on device ${device} but mount-point path ${target} does not exist`,
    "check the mount-point path exists and if not create it before trying again",
  );
}
