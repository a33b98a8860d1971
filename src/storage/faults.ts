import { formatIecBytes } from "../faults/bytes.ts";
import { FaultCode } from "../faults/codes.ts";
import { Fault } from "../faults/fault.ts";

/** Storage is formatted and the request did not say to format it again. */
export function faultAlreadyFormatted(path: string): Fault {
  return new Fault(
    "scm",
    FaultCode.StorageAlreadyFormatted,
    `format request for storage at ${path} that is formatted already`,
    "retry the operation with force option to overwrite existing data",
  );
}

/** A folder that is to hold a memory tier is full of something that is not ours. */
export function faultFolderInUse(path: string): Fault {
  return new Fault(
    "scm",
    FaultCode.ScmPathAccessDenied,
    `the folder ${path} is not empty and is not a memory tier of a DAOS engine`,
    "empty the folder or set 'scm_mount' to another one",
  );
}

/** A folder that is not erased, though it was asked for: what would go with it may be anybody's. */
export function faultNotErasable(path: string, reason: string): Fault {
  return new Fault(
    "scm",
    FaultCode.ScmPathAccessDenied,
    `the folder ${path} is not erased: ${reason}`,
    "set 'scm_mount' to a folder of its own, or unmount what is mounted in it",
  );
}

export function faultPathAccessDenied(path: string, reason: string): Fault {
  return new Fault(
    "storage",
    FaultCode.StoragePathAccessDenied,
    `path "${path}" has incompatible access permissions`,
    "verify the path is accessible by the user running daos_server and try again",
    reason,
  );
}

/** A mount that needs root was asked of a server that is not. */
export function faultMountFailed(path: string, reason: string): Fault {
  return new Fault(
    "storage",
    FaultCode.ServerScmUnmanaged,
    `the SCM mountpoint at ${path} is unavailable and can't be created/mounted`,
    `run daos_server as root, or with --scm-as-folder to keep the memory tier in an ordinary folder`,
    reason,
  );
}

/** @param kind "Total" or "Available". */
export function faultRamdiskLowMemory(kind: string, ramdisk: bigint, need: bigint, have: bigint): Fault {
  return new Fault(
    "storage",
    FaultCode.ScmRamdiskLowMem,
    `${kind} memory (RAM) insufficient for configured ${formatIecBytes(ramdisk)} ram-disk size, want ` +
      `${formatIecBytes(need)} RAM but only have ${formatIecBytes(have)}`,
    "reduce the engine targets, 'scm_size' or 'system_ram_reserved' in the server config file",
  );
}

/** A tmpfs is there already and is larger than the configuration allows. */
export function faultRamdiskBadSize(existing: bigint, configured: bigint): Fault {
  return new Fault(
    "storage",
    FaultCode.ScmRamdiskBadSize,
    `already-mounted ramdisk size ${formatIecBytes(existing)} is too far from optimal size of ${formatIecBytes(configured)}`,
    `unmount the ramdisk and allow DAOS to manage it, or remount with size ${formatIecBytes(configured)}`,
  );
}

/** What this build cannot bring up, said when it is met rather than half done. */
export function faultClassNotSupported(storageClass: string, action: string): Fault {
  return new Fault(
    storageClass === "dcpm" ? "scm" : "bdev",
    storageClass === "dcpm" ? FaultCode.ScmUnknown : FaultCode.BdevFormatUnknownClass,
    `${action} of storage class ${storageClass} is not supported by this version`,
    "use class ram for the memory tier and class file or kdev for block devices",
  );
}

export function faultBdevFormat(device: string, reason: string): Fault {
  return new Fault("bdev", FaultCode.BdevFormatFailure, `NVMe format failed on "${device}": ${reason}`);
}

export function faultBadMetadataFilesystem(path: string, fsType: string): Fault {
  return new Fault(
    "control_metadata",
    FaultCode.ControlMetadataBadFilesystem,
    `the control metadata path ${path} is on file system ${fsType}, which is shared between hosts`,
    "set 'control_metadata' 'path' to a folder on a local file system",
  );
}
