import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { errorText, type Fault } from "../faults/fault.ts";
import { faultInvalidCert } from "../faults/security.ts";
import { commonNameOf, nodeOf } from "./facts.ts";
import { isCurrent, isSignedBy, parseAll } from "./load.ts";
import { type Component, componentFromCommonName } from "./roles.ts";
import type { CertificateTransport } from "./tls.ts";

/** A caller whose certificate is genuine. */
export interface VerifiedPeer {
  readonly component: Component | "unknown";
  /** The node its certificate was made for alone; undefined for one that nodes share. */
  readonly node: string | undefined;
  /** When the certificate ends, milliseconds since 1970. */
  readonly certEndMs: number;
}

export type Verdict =
  | VerifiedPeer
  | {
      readonly refusal: Fault;
      /** It showed no certificate at all: it may be a node that is about to get one. */
      readonly stranger: boolean;
    };

export interface PeerVerifier {
  /** Who is at the other end of `socket`, or why it is nobody we may serve. */
  verify(socket: TLSSocket): Verdict;
}

/** A client's certificate must be made for this (extended key usage). */
const clientAuth = "1.3.6.1.5.5.7.3.2";

/**
 * Decides about clients after the handshake, so that a refused one can be told why: a handshake that fails tells it
 * nothing. TLS has checked the chain already (`authorized`); every fact is looked at again here, because a session
 * without a verdict must never pass for a good one.
 */
export function peerVerifier(transport: CertificateTransport): PeerVerifier {
  let source = "";
  let known: readonly X509Certificate[] = [];

  /** The CAs trusted now: the files may have changed since the last look. */
  function authorities(): readonly X509Certificate[] {
    if (transport.ca !== source) {
      known = parseAll(transport.caPath, transport.ca);
      source = transport.ca;
    }
    return known.filter((ca) => isCurrent(ca));
  }

  function problemOf(socket: TLSSocket, chain: readonly X509Certificate[]): string | undefined {
    const leaf = chain[0];
    if (leaf === undefined) return "no certificate was shown";
    const now = Date.now();
    if (now > Date.parse(leaf.validTo)) return `certificate has expired on ${isoDate(leaf.validTo)}`;
    if (!(now >= Date.parse(leaf.validFrom)))
      return `certificate is not valid before ${isoDate(leaf.validFrom)}`;
    if (!isSignedBy(leaf, authorities(), chain.slice(1))) {
      return `certificate signed by unknown authority: it was not issued by the CA of this system`;
    }
    const uses = leaf.keyUsage;
    if (uses !== undefined && !uses.includes(clientAuth)) {
      return "unsupported certificate purpose: it was not made for clients (clientAuth)";
    }
    if (socket.authorized !== true) return `certificate is invalid: ${String(socket.authorizationError)}`;
    return undefined;
  }

  return {
    verify(socket) {
      let chain: readonly X509Certificate[] = [];
      let problem: string | undefined;
      try {
        chain = shownChain(socket);
        problem = problemOf(socket, chain);
      } catch (error) {
        problem = `certificate cannot be read: ${errorText(error)}`;
      }
      const leaf = chain[0];
      if (problem === undefined && leaf !== undefined) {
        return {
          component: componentFromCommonName(commonNameOf(leaf)),
          node: nodeOf(leaf),
          certEndMs: Date.parse(leaf.validTo),
        };
      }
      const name = leaf === undefined ? "" : ` (CN=${commonNameOf(leaf) ?? ""})`;
      return {
        refusal: faultInvalidCert(`the server refused the caller's certificate${name}`, problem ?? ""),
        stranger: leaf === undefined,
      };
    },
  };
}

/** The leaf, then what the peer sent to lead from it to a CA. */
function shownChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let current: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (current?.raw !== undefined && chain.length < maxChain) {
    chain.push(new X509Certificate(current.raw));
    const issuer: DetailedPeerCertificate | undefined = current.issuerCertificate;
    // A self-signed certificate is its own issuer.
    current = issuer === current ? undefined : issuer;
  }
  return chain;
}

const maxChain = 4;

function isoDate(text: string): string {
  return new Date(text).toISOString();
}
