import type { ServerHttp2Session } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Fault } from "../faults/fault.ts";
import { faultInvalidCert } from "../faults/security.ts";
import type { Component } from "../security/roles.ts";
import type { PeerVerifier } from "../security/verify-peer.ts";
import type { Caller } from "./callers.ts";

/** Who stands at the other end of a connection; worked out once a connection. */
export interface Peer {
  /** "ip:port". */
  readonly addr: string;
  /** What its address uses of the server. */
  readonly caller: Caller;
  /** From the verified certificate; undefined on a transport without certificates. */
  readonly certified: Component | "unknown" | undefined;
  /** The node its certificate was made for alone; undefined for one that nodes share. */
  readonly node?: string | undefined;
  /** When its certificate ends, milliseconds since 1970; Infinity without one. */
  readonly certEndMs: number;
  /** Why nothing that comes from this peer is served; looked at anew when the trusted CAs change. */
  refusal?: Fault;
  /** It is refused for having shown no certificate at all. */
  readonly stranger?: boolean;
}

/** "ip:port" of the other end. */
export function peerAddr(socket: { readonly remoteAddress?: string; readonly remotePort?: number }): string {
  const host = socket.remoteAddress ?? "unknown";
  return `${host.includes(":") ? `[${host}]` : host}:${socket.remotePort ?? 0}`;
}

/** @param verifier undefined when the transport is insecure */
export function peerOf(
  session: ServerHttp2Session,
  verifier: PeerVerifier | undefined,
  caller: Caller,
): Peer {
  const socket = session.socket;
  const addr = peerAddr(socket);
  if (verifier === undefined)
    return { addr, caller, certified: undefined, certEndMs: Number.POSITIVE_INFINITY };
  const verdict = verifier.verify(socket as TLSSocket);
  if ("refusal" in verdict) {
    const { refusal, stranger } = verdict;
    return { addr, caller, certified: "unknown", certEndMs: 0, refusal, stranger };
  }
  return { addr, caller, certified: verdict.component, node: verdict.node, certEndMs: verdict.certEndMs };
}

/** Judges a peer by the CAs that are trusted now. False: it is refused from here on. */
export function judgeAgain(peer: Peer, session: ServerHttp2Session, verifier: PeerVerifier): boolean {
  const verdict = verifier.verify(session.socket as TLSSocket);
  if (!("refusal" in verdict)) return true;
  peer.refusal = verdict.refusal;
  return false;
}

/**
 * The handshake checks a certificate once; a connection, or a resumed session, may outlive it.
 * @throws Fault 903 when the peer was refused, or its certificate has ended meanwhile
 */
export function checkPeer(peer: Peer): void {
  if (peer.refusal !== undefined) throw peer.refusal;
  if (Date.now() <= peer.certEndMs) return;
  const reason = `certificate has expired on ${new Date(peer.certEndMs).toISOString()}`;
  throw faultInvalidCert(`the server refused the caller's certificate (CN=${peer.certified})`, reason);
}
