import { FaultCode } from "./codes.ts";
import { Fault } from "./fault.ts";

/** Refusals of the server before a handler runs. */
const domain = "server";

export function faultWrongSystem(requested: string, running: string): Fault {
  return new Fault(
    domain,
    FaultCode.ServerWrongSystem,
    `the request is for system ${requested}, this server belongs to ${running}`,
    "correct the system name (`name` in the configuration) and try again",
  );
}

/** Both as "component:version". */
export function faultIncompatibleComponents(self: string, other: string): Fault {
  return new Fault(
    domain,
    FaultCode.ServerIncompatibleComponents,
    `components ${self} and ${other} are not compatible`,
    "use a version of the calling program that matches the server",
  );
}

export function faultNoCompatibilityInsecure(selfVersion: string, otherVersion: string): Fault {
  return new Fault(
    domain,
    FaultCode.ServerNoCompatibilityInsecure,
    `versions ${selfVersion} and ${otherVersion} are not compatible without certificates`,
    "use certificates, or the same version on both sides",
  );
}
