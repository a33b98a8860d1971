import { Fault } from "../../faults/fault.ts";

/**
 * Faults of reading what DAOS 2.6.0 has written. 600 is its own "unknown control server error", as for our
 * database (../faults.ts).
 */
function legacyFault(what: string, advice: string, reason: string): Fault {
  return new Fault("server", 600, what, advice, reason);
}

export function faultLegacyDamaged(path: string, reason: string): Fault {
  return legacyFault(
    `the management database of DAOS 2.6 in ${path} is damaged or incomplete`,
    "take the folder of another replica, or a copy of this one made before the damage; nothing was changed",
    reason,
  );
}

export function faultLegacyInUse(path: string, reason: string): Fault {
  return legacyFault(
    `the management database of DAOS 2.6 in ${path} is in use`,
    "stop the daos_server of DAOS 2.6 that uses this storage first",
    reason,
  );
}

export function faultNoLegacy(path: string): Fault {
  return legacyFault(
    `${path} holds no management database of DAOS 2.6`,
    "name the folder that holds daos_system.db: control_raft below the first engine's scm_mount or " +
      "below control_metadata.path of an access point",
    "",
  );
}

/** Of several replicas, `ofTotal` in all, only some were looked at. */
export function faultNoMajority(seen: number, ofTotal: number): Fault {
  return legacyFault(
    `what ${seen} of ${ofTotal} replicas know may lack changes that the others have acknowledged`,
    "name the folders of more replicas, copied to this host, so that a majority is compared; or, when the " +
      "others are lost, add --alone",
    "",
  );
}

/** The system must not be founded anew beside a database of 2.6 that several replicas share. */
export function faultLegacyNeedsImport(path: string, replicas: readonly string[]): Fault {
  return legacyFault(
    `${path} is the management database of a DAOS 2.6 system with replicas ${replicas.join(", ")}, which is ` +
      "not taken over by itself when there are several",
    "stop all servers, run `daosctl server ms import` on one access point with the folders of a majority of " +
      "the replicas, start that server first, then the others",
    "",
  );
}

export function faultDifferentSystems(one: string, other: string): Fault {
  return legacyFault(
    `the management databases of DAOS 2.6 in ${one} and ${other} are not of the same system`,
    "name the folders of replicas of one system",
    "",
  );
}

/** An etcd cluster of the site's own is empty, and a database of 2.6 lies on this replica's disk. */
export function faultLegacyBesideExternal(path: string): Fault {
  return legacyFault(
    `the etcd cluster of management_service holds no system, and ${path} is the management database of a DAOS 2.6 system`,
    "to keep that system, remove etcd_endpoints from the configuration and start again; to found a new one, " +
      "move the file away",
    "",
  );
}
