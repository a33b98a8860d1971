import type { ServerHttp2Session } from "node:http2";
import type { TLSSocket } from "node:tls";
import { faultInvalidCert } from "../faults/security.ts";
import { type Component, componentFromCommonName } from "../security/roles.ts";

/** Who stands at the other end of a connection; read once a connection. */
export interface Peer {
  /** "ip:port". */
  readonly addr: string;
  /** From the verified certificate; undefined on a transport without certificates. */
  readonly certified: Component | "unknown" | undefined;
  /** When its certificate ends, milliseconds since 1970; Infinity without one. */
  readonly certEndMs: number;
}

export function peerOf(session: ServerHttp2Session, secure: boolean): Peer {
  const socket = session.socket;
  const host = socket.remoteAddress ?? "unknown";
  const addr = `${host.includes(":") ? `[${host}]` : host}:${socket.remotePort ?? 0}`;
  if (!secure) return { addr, certified: undefined, certEndMs: Number.POSITIVE_INFINITY };
  const cert = (socket as TLSSocket).getPeerCertificate();
  const commonName = cert?.subject?.CN;
  const certEndMs = Date.parse(cert?.valid_to ?? "");
  return {
    addr,
    certified: componentFromCommonName(Array.isArray(commonName) ? undefined : commonName),
    certEndMs: Number.isNaN(certEndMs) ? 0 : certEndMs,
  };
}

/**
 * The handshake checks a certificate once; a connection, or a resumed session, may outlive it.
 * @throws Fault 903
 */
export function checkStillValid(peer: Peer): void {
  if (Date.now() <= peer.certEndMs) return;
  const reason = `certificate has expired on ${new Date(peer.certEndMs).toISOString()}`;
  throw faultInvalidCert(`the certificate of the caller (${peer.certified}) has expired`, reason);
}
