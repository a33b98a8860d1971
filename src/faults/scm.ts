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
