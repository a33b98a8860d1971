import {
  faultConnectionBadHost,
  faultConnectionClosed,
  faultConnectionNoRoute,
  faultConnectionRefused,
  faultConnectionTimedOut,
} from "../faults/client.ts";
import { errorText, type Fault } from "../faults/fault.ts";
import { faultInvalidCert } from "../faults/security.ts";
import type { TransportSecurity } from "../security/tls.ts";

/** The fault for whatever a socket, TLS or HTTP/2 reported while reaching or using `hostPort`. */
export function connectionFault(error: unknown, hostPort: string, security: TransportSecurity): Fault {
  const text = errorText(error);
  const code = (error as { readonly code?: unknown }).code;
  if (error instanceof Error && error.name === "TimeoutError") return faultConnectionTimedOut(hostPort, text);
  switch (code) {
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
  if (!security.insecure && /certificate|CERT|ALERT|tls|ssl/i.test(`${String(code)} ${text}`)) {
    return faultInvalidCert(`the TLS handshake with ${hostPort} failed`, text);
  }
  return faultConnectionClosed(hostPort, text);
}
