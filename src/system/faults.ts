import { formatBytes, formatIecBytes } from "../faults/bytes.ts";
import { Fault } from "../faults/fault.ts";

/** Faults of the system's own rules: numbers, words and advice as DAOS 2.6 gives them. */

const systemFault = (code: number, what: string, advice: string) => new Fault("system", code, what, advice);
const serverFault = (code: number, what: string, advice: string) => new Fault("server", code, what, advice);
const checkerFault = (code: number, what: string, advice: string) => new Fault("checker", code, what, advice);

export function faultBadFaultDomainDepth(domain: string, wantedLayers: number): Fault {
  return systemFault(
    401,
    `cannot join system with fault domain "${domain}", need layers = ${wantedLayers}`,
    "reconfigure the fault domain with a depth consistent with other system members, and restart the server",
  );
}

export function faultPoolLocked(poolUuid: string, lockId: string, lockTime: string): Fault {
  return systemFault(
    402,
    `pool ${poolUuid} is locked (id: ${lockId}, time: ${lockTime})`,
    "retry the pool operation",
  );
}

/** What a pool must have at least, for the advice of the two faults below. */
export interface PoolMinimums {
  readonly totalBytes: bigint;
  readonly tierBytes: bigint;
  readonly perTargetBytes: bigint;
}

const mib = 1n << 20n;

function tooSmall(code: number, tier: string, what: string, minimums: PoolMinimums): Fault {
  return serverFault(
    code,
    `${what} too small (min ${formatIecBytes(minimums.perTargetBytes)} per target)`,
    `retry the request with a pool size of at least ${formatBytes(minimums.totalBytes + mib)}, with at least ${formatBytes(minimums.tierBytes + mib)} ${tier}`,
  );
}

export function faultPoolScmTooSmall(minimums: PoolMinimums): Fault {
  return tooSmall(604, "SCM", "requested SCM capacity is", minimums);
}

export function faultPoolNvmeTooSmall(minimums: PoolMinimums): Fault {
  return tooSmall(605, "NVMe", "requested NVMe capacity", minimums);
}

export function faultPoolInvalidRanks(invalid: readonly number[]): Fault {
  const names = invalid.map(String).sort();
  return serverFault(
    606,
    `pool request contains invalid ranks: ${names.join(",")}`,
    "retry the request with a valid set of ranks",
  );
}

export function faultPoolInvalidNumRanks(requested: number, available: number): Fault {
  return serverFault(
    607,
    `pool request contains invalid number of ranks (requested: ${requested}, available: ${available})`,
    "retry the request with a valid number of ranks",
  );
}

export function faultPoolInvalidServiceReps(most: number): Fault {
  return serverFault(
    608,
    `pool service replicas number should be an odd number between 1 and ${most}`,
    "retry the request with a valid number of pool service replicas",
  );
}

export function faultPoolDuplicateLabel(label: string): Fault {
  return serverFault(
    609,
    `pool label "${label}" already exists in the system`,
    "retry the request with a unique pool label",
  );
}

export function faultPoolNoLabel(): Fault {
  return serverFault(
    615,
    "cannot create a pool without a pool label",
    "retry the operation with a label set",
  );
}

export function faultPoolHasContainers(): Fault {
  return serverFault(
    618,
    "cannot destroy a pool with existing containers",
    "retry the operation with the recursive flag set to remove containers along with the pool",
  );
}

export function faultCheckerMemberStates(stopRequired: boolean, ranks: string, wanted: string): Fault {
  const remedy = stopRequired ? "stop system before enabling checker mode" : "enable checker mode";
  return checkerFault(
    1101,
    `members not in expected states (${wanted}): ${ranks}`,
    `${remedy} and/or administratively exclude members as appropriate`,
  );
}

export function faultCheckerNotEnabled(): Fault {
  return checkerFault(1102, "system checker is not enabled", "enable the system checker and try again");
}

export function faultCheckerEnabled(): Fault {
  return checkerFault(
    1103,
    "system checker is enabled; normal operations are disabled",
    "disable the system checker to enable normal operations",
  );
}
