import {
  faultConnectionBadHost,
  faultConnectionClosed,
  faultConnectionNoRoute,
  faultConnectionRefused,
  faultConnectionTimedOut,
} from "../faults/client.ts";
import { FaultCode } from "../faults/codes.ts";
import { errorText, Fault } from "../faults/fault.ts";
import { faultInvalidCert } from "../faults/security.ts";
import type { CertificateTransport, TransportSecurity } from "../security/tls.ts";

/** The fault for whatever a socket, TLS or HTTP/2 reported while reaching or using `hostPort`. */
export function connectionFault(error: unknown, hostPort: string, security: TransportSecurity): Fault {
  if (error instanceof Fault) return error;
  const text = errorText(error);
  if (error instanceof Error && error.name === "TimeoutError") return faultConnectionTimedOut(hostPort, text);
  switch ((error as { readonly code?: unknown }).code) {
    case "ECONNREFUSED":
      return faultConnectionRefused(hostPort, text);
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "ERR_INVALID_URL":
      return faultConnectionBadHost(hostPort, text);
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return faultConnectionNoRoute(hostPort, text);
    case "ETIMEDOUT":
      return faultConnectionTimedOut(hostPort, text);
  }
  const tls = security.insecure ? undefined : tlsFault(text, hostPort, security);
  return tls ?? faultConnectionClosed(hostPort, text);
}

/** The peer's TLS alerts that are about our certificate, in words. */
const certificateAlerts: Readonly<Record<string, string>> = {
  BAD_CERTIFICATE: "the server found it invalid",
  UNSUPPORTED_CERTIFICATE: "the server found it made for another purpose",
  CERTIFICATE_REVOKED: "it is revoked",
  CERTIFICATE_EXPIRED: "certificate has expired",
  CERTIFICATE_UNKNOWN: "the server could not accept it",
  CERTIFICATE_REQUIRED: "none was shown",
  UNKNOWN_CA: "certificate signed by unknown authority: the server trusts another CA",
  ACCESS_DENIED: "the server denied access",
};

function tlsFault(text: string, hostPort: string, security: CertificateTransport): Fault | undefined {
  if (text.includes("WRONG_VERSION_NUMBER")) {
    return faultConnectionClosed(hostPort, "the server does not speak TLS: it runs with allow_insecure");
  }
  const alert = /ALERT_([A-Z_]+)/.exec(text)?.[1];
  if (alert !== undefined) {
    const words = certificateAlerts[alert];
    if (words === undefined) return undefined;
    return faultInvalidCert(
      `the server at ${hostPort} refused the certificate ${security.certPath}`,
      words,
      mendOurs(security),
    );
  }
  if (!/certificate/i.test(text)) return undefined;
  return faultInvalidCert(
    `the certificate of the server at ${hostPort} was refused`,
    text,
    `check that the server's certificate is that of a DAOS server, was issued by the CA in ${security.caPath}, and has not expired`,
  );
}

/**
 * A server of this project says in its answer why it refused the certificate; which file that is, only we know.
 * Other errors come back as they are.
 */
export function nameOurCertificate(error: Error, hostPort: string, security: TransportSecurity): Error {
  if (security.insecure || !(error instanceof Fault) || error.code !== FaultCode.SecurityInvalidCert)
    return error;
  return faultInvalidCert(
    `the server at ${hostPort} refused the certificate ${security.certPath}`,
    error.reason,
    mendOurs(security),
  );
}

function mendOurs(security: CertificateTransport): string {
  return `check that ${security.certPath} was issued by the CA that the server trusts, is meant for this program, and has not expired`;
}
