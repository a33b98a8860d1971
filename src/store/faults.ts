import { Fault } from "../faults/fault.ts";

/**
 * Faults of the system's database. DAOS 2.6 has no numbers of their own for these; 600 is its "unknown
 * control server error", whose description says the rest.
 */
function storeFault(what: string, advice: string, reason: string): Fault {
  return new Fault("server", 600, what, advice, reason);
}

export function faultStoreLocked(path: string): Fault {
  return storeFault(
    `the system database ${path} is in use by another process`,
    "stop the other daos_server that uses this storage, then start this one again",
    "locked",
  );
}

export function faultStoreCorrupt(path: string, reason: string): Fault {
  return storeFault(
    `the system database ${path} is damaged`,
    "restore the file from a backup or a healthy replica; keep the damaged one for diagnosis",
    reason,
  );
}

export function faultStoreNewer(path: string, found: number, known: number): Fault {
  return storeFault(
    `the system database ${path} has schema version ${found}, newer than ${known}`,
    "start the daosctl version that wrote it, or a later one",
    "",
  );
}

export function faultStoreFull(path: string): Fault {
  return storeFault(
    `no space left for the system database ${path}; nothing was changed`,
    "free space on that file system, then retry the operation",
    "disk full",
  );
}

export function faultStoreFailed(path: string, reason: string): Fault {
  return storeFault(
    `the system database ${path} cannot be written; nothing is known to have changed`,
    "check the storage below that path and the server's log, then retry the operation",
    reason,
  );
}

export function faultStoreClosed(path: string): Fault {
  return storeFault(
    `the system database ${path} is closed`,
    "retry the operation when the server has started again",
    "",
  );
}

export function faultBatchTooLarge(path: string, reason: string): Fault {
  return storeFault(
    `a change is too large for the system database ${path}; nothing was changed`,
    "make the change in smaller steps",
    reason,
  );
}

export function faultOutcomeUnknown(path: string, reason: string): Fault {
  return storeFault(
    `the system database ${path} did not answer in time; it is not known whether the change was made`,
    "look whether it was made, and retry the operation if not",
    reason,
  );
}
