import { FaultCode } from "./codes.ts";
import { Fault } from "./fault.ts";

/** What can be wrong with a certificate or key file. */
const domain = "security";
const howToMake =
  'make them with "daosctl cert init DIR", or set allow_insecure in transport_config for a system without (see the admin guide, certificates)';

export function faultMissingCertFile(path: string): Fault {
  return new Fault(
    domain,
    FaultCode.SecurityMissingCertFile,
    `certificates are enabled, but ${path} was not found`,
    howToMake,
  );
}

/** `problem` says what this process may not do, or which permission is too wide. */
export function faultUnreadableCertFile(path: string, problem: string, mend: string): Fault {
  return new Fault(
    domain,
    FaultCode.SecurityUnreadableCertFile,
    `certificates are enabled, ${path} was found, but ${problem}`,
    mend,
  );
}

const howToMend =
  "check that the certificates of server, agent and admin are valid, of the same CA, and not expired";

/** A certificate or key that was read from `path` cannot be used. */
export function faultInvalidCertFile(path: string, reason: string, mend = howToMend): Fault {
  return new Fault(
    domain,
    FaultCode.SecurityInvalidCert,
    `certificate at path "${path}" is invalid`,
    mend,
    reason,
  );
}

/** The certificate that one side of a connection showed was refused. `what` names side and problem. */
export function faultInvalidCert(what: string, reason: string, mend = howToMend): Fault {
  return new Fault(domain, FaultCode.SecurityInvalidCert, what, mend, reason);
}
