import { FaultCode } from "./codes.ts";
import { Fault } from "./fault.ts";

/** Trouble on the way to a server, seen from the caller. `addr` is "host:port" throughout. */
const domain = "client";

export function faultConnectionBadHost(addr: string, reason = ""): Fault {
  return new Fault(
    domain,
    FaultCode.ClientConnectionBadHost,
    `the server address (${addr}) could not be resolved`,
    "check the host name in the configuration and that it resolves on this machine",
    reason,
  );
}

export function faultConnectionNoRoute(addr: string, reason = ""): Fault {
  return new Fault(
    domain,
    FaultCode.ClientConnectionNoRoute,
    `no route to the server at ${addr}`,
    "check the address in the configuration and that the server's network can be reached from this machine",
    reason,
  );
}

export function faultConnectionRefused(addr: string, reason = ""): Fault {
  return new Fault(
    domain,
    FaultCode.ClientConnectionRefused,
    `the server at ${addr} refused the connection`,
    "check that the server is running and listens on that address and port",
    reason,
  );
}

export function faultConnectionClosed(addr: string, reason = ""): Fault {
  return new Fault(
    domain,
    FaultCode.ClientConnectionClosed,
    `the server at ${addr} closed the connection without answering`,
    "check that both sides use certificates of the same CA or that both run without (allow_insecure), then see the server's log",
    reason,
  );
}

export function faultConnectionTimedOut(addr: string, reason = ""): Fault {
  return new Fault(
    domain,
    FaultCode.ClientConnectionTimedOut,
    `the connection to the server at ${addr} timed out`,
    "check that the server is running and that no firewall drops the port",
    reason,
  );
}

export function faultRpcTimeout(method: string, addr: string, timeoutMs: number): Fault {
  return new Fault(
    domain,
    FaultCode.ClientRpcTimeout,
    `the ${method} request to ${addr} timed out after ${timeoutMs / 1000}s`,
    "try again, or see the server's log for what holds it up",
  );
}

const connectionCodes: ReadonlySet<number> = new Set([
  FaultCode.ClientConnectionBadHost,
  FaultCode.ClientConnectionNoRoute,
  FaultCode.ClientConnectionRefused,
  FaultCode.ClientConnectionClosed,
  FaultCode.ClientConnectionTimedOut,
]);

/** The peer could not be reached, or was lost: nothing is known of what it did. */
export function isConnectionFault(error: unknown): error is Fault {
  return error instanceof Fault && connectionCodes.has(error.code);
}

/** Of these, the ones that may pass by themselves (2.6 retries the same). */
export function isRetryableConnectionFault(error: unknown): error is Fault {
  return (
    isConnectionFault(error) &&
    error.code !== FaultCode.ClientConnectionBadHost &&
    error.code !== FaultCode.ClientConnectionNoRoute
  );
}
