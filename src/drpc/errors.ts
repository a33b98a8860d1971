import { Fault } from "../faults/fault.ts";

/** SocketFileInUse of codes-2.6.tsv. */
const SOCKET_FILE_IN_USE = 6;

/** Somebody already answers on the socket a server was told to listen on. */
export function socketFileInUse(path: string): Fault {
  return new Fault(
    "drpc",
    SOCKET_FILE_IN_USE,
    `dRPC socket file '${path}' is in use by a running process`,
    "Stop the process that listens there, or give this one another socket directory. If no such process runs, remove the file and start again.",
    "another process answers on the socket",
  );
}

/** There was no conversation: the socket could not be reached, broke off, or spoke something else. */
export class DrpcConnectionError extends Error {
  override readonly name = "DrpcConnectionError";
  constructor(
    readonly path: string,
    /** What happened, for people. */
    readonly what: string,
    /** The system's word for it ("ENOENT", "ECONNREFUSED", "EPIPE" …) where there is one. */
    readonly code = "",
    options?: ErrorOptions,
  ) {
    super(`dRPC ${path}: ${what}`, options);
  }
}

/** The answer did not come in time. The peer may still be working on the call. */
export class DrpcTimeoutError extends Error {
  override readonly name = "DrpcTimeoutError";
  constructor(
    readonly path: string,
    readonly timeoutMs: number,
  ) {
    super(`dRPC ${path}: no answer within ${timeoutMs} ms`);
  }
}
