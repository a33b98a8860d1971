import { FaultCode } from "./codes.ts";
import { Fault } from "./fault.ts";

/** Software of others that daosctl uses when it is there: vendor libraries and programs. */
const domain = "dependency";

/** @param what "libfabric (libfabric.so.1)"; @param install what to install, a phrase; @param reason the loader's words. */
export function faultMissingLibrary(what: string, install: string, reason: string): Fault {
  return new Fault(domain, FaultCode.MissingSoftwareDependency, `${what} cannot be loaded`, install, reason);
}

/** The library is there, but is not one that we know how to call. */
export function faultLibraryVersion(what: string, found: string, wanted: string, install: string): Fault {
  return new Fault(
    domain,
    FaultCode.BadVersionSoftwareDependency,
    `${what} is of version ${found}, which cannot be used (${wanted} can)`,
    install,
  );
}

/** A function that we need is not in the library. */
export function faultMissingSymbol(what: string, symbol: string, install: string): Fault {
  return new Fault(
    domain,
    FaultCode.BadVersionSoftwareDependency,
    `${what} has no function ${symbol}: it is of another version than those we know`,
    install,
  );
}

export function faultMissingProgram(program: string, install: string): Fault {
  return new Fault(domain, FaultCode.MissingSoftwareDependency, `the program ${program} is missing`, install);
}

/** Hardware that only root, or who owns its device files, may touch. */
export function faultNoHardwareAccess(what: string, reason: string): Fault {
  return new Fault(
    "helper",
    FaultCode.PrivilegedHelperNotPrivileged,
    `no permission for ${what}`,
    "run the command as root, or let the server reach the helper unit that root runs",
    reason,
  );
}
