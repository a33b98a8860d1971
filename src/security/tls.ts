import type { SecureContextOptions } from "node:tls";
import type { Component } from "./roles.ts";

/** The keys of `transport_config`, as config/types.ts has them. */
export interface TransportFiles {
  readonly allowInsecure: boolean;
  readonly caCert: string;
  readonly cert: string;
  readonly key: string;
  readonly clientCertDir?: string | undefined;
}

/** Neither certificates nor encryption: `allow_insecure`. */
export interface InsecureTransport {
  readonly insecure: true;
}

/** Certificates loaded and checked; all text is PEM. */
export interface CertificateTransport {
  readonly insecure: false;
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
  /** Where the server looks for the certificates of signers of credentials; "" when there is none. */
  readonly clientCertDir: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /**
   * Where the files are watched (live.ts): `ca`, `cert` and `key` are then what the files held last, and whoever keeps
   * something made of them is told of a change. Gives the way to stop being told.
   */
  readonly onChange?: (listener: () => void) => () => void;
}

export type TransportSecurity = InsecureTransport | CertificateTransport;

export const insecureTransport: InsecureTransport = { insecure: true };

/**
 * Reads and checks the certificate files of a component (load.ts, which an insecure client need not load).
 * @throws Fault 901 (missing), 902 (unreadable, or permissions too wide), 903 (invalid)
 */
export async function loadTransportSecurity(
  files: TransportFiles,
  role: Component,
): Promise<TransportSecurity> {
  if (files.allowInsecure) return insecureTransport;
  const { loadCertificates } = await import("./load.ts");
  return loadCertificates(files, role);
}

/**
 * 2.6 speaks TLS 1.2 with this one cipher suite (TLS_RSA_WITH_AES_256_GCM_SHA384) and nothing else; among ourselves
 * TLS 1.3 is agreed on, whose suites are not named here.
 */
const tls12Cipher = "AES256-GCM-SHA384";

const common: SecureContextOptions = { minVersion: "TLSv1.2", maxVersion: "TLSv1.3", ciphers: tls12Cipher };

/**
 * Options of a TLS server. Every client is asked for a certificate of the CA; one that has none gets through the
 * handshake, so that it can be told why it is refused: what it calls is decided by verify-peer.ts.
 */
export function serverTlsOptions(transport: CertificateTransport) {
  const { ca, cert, key } = transport;
  return { ...common, ca, cert, key, requestCert: true, rejectUnauthorized: false };
}

/** The common name that every DAOS server's certificate bears; host names are not in certificates. */
export const serverCommonName = "server";

/** Options of a TLS client: the server must show a certificate of the CA whose common name is `server`. */
export function clientTlsOptions(transport: CertificateTransport) {
  const { ca, cert, key } = transport;
  return {
    ...common,
    ca,
    cert,
    key,
    rejectUnauthorized: true,
    servername: serverCommonName,
    checkServerIdentity: (_host: string, peer: { readonly subject?: { readonly CN?: string | string[] } }) =>
      peer.subject?.CN === serverCommonName
        ? undefined
        : new Error(`the peer's certificate is that of "${peer.subject?.CN}", not of a DAOS server`),
  };
}

/**
 * Options of a TLS client that has no certificate yet and knows the system by a hash alone (client/enrollment.ts, which
 * looks at what the server shows before it says anything).
 */
export function strangerTlsOptions() {
  return { ...common, rejectUnauthorized: false, servername: serverCommonName };
}
