/** Who stands at the other end of a Unix socket (SO_PEERCRED). pid 0: another pid namespace. */
export interface DrpcPeer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** One connection, as a handler sees it. */
export interface DrpcSession {
  /** Rises with every accepted connection. */
  readonly id: number;
  readonly peer: DrpcPeer;
  /** The peer's security label (SO_PEERSEC), or "" where the system has none. Read when first asked for. */
  readonly securityLabel?: string;
  /** Aborted when the peer is gone. */
  readonly signal: AbortSignal;
}

/** Answers the body of a call; an empty array is a real answer. Throw DrpcStatusError to answer a status. */
export type DrpcHandler = (body: Uint8Array, session: DrpcSession) => Uint8Array | Promise<Uint8Array>;

/** Handlers by module number, then by method number (methods.ts). */
export type DrpcModules = Readonly<Record<number, Readonly<Record<number, DrpcHandler>>>>;

export interface DrpcServer {
  readonly path: string;
  /** Open connections. */
  readonly sessions: number;
  /** Stops accepting, lets running calls finish for at most `graceMs` (default 1000), removes the socket. */
  close(graceMs?: number): Promise<void>;
}
