import {
  type CertificateAuthority,
  type CertificateOptions,
  issueCertificate,
  makeAuthority,
  type Validity,
} from "../../src/security/certificates.ts";
import type { Component } from "../../src/security/roles.ts";
import type { CertificateTransport } from "../../src/security/tls.ts";

/** Small keys: making them is most of the time of a test. */
function makeKeys(): Promise<CryptoKeyPair> {
  const algorithm = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-512",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  };
  return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

/** A CA in memory and what it signs. All its certificates share one key pair: who holds it is no matter here. */
export async function testAuthority() {
  const [caKeys, keys] = await Promise.all([makeKeys(), makeKeys()]);
  const authority = await makeAuthority({ keys: caKeys });
  return {
    authority,
    caPem: authority.cert.toString("pem"),
    /** A certificate of this CA, held by someone who trusts this CA (or `trusting`). */
    transport: (component: Component, options: IssueOptions = {}) =>
      transport(authority, component, { keys, ...options }),
  };
}

export interface IssueOptions extends CertificateOptions {
  /** PEM of the CA that the holder trusts in place of the issuer. */
  readonly trusting?: string;
}

async function transport(
  authority: CertificateAuthority,
  component: Component,
  options: IssueOptions,
): Promise<CertificateTransport> {
  const issued = await issueCertificate(authority, component, options);
  return {
    insecure: false,
    caPath: "/test/daosCA.crt",
    certPath: `/test/${component}.crt`,
    keyPath: `/test/${component}.key`,
    clientCertDir: "",
    ca: options.trusting ?? authority.cert.toString("pem"),
    cert: issued.certPem,
    key: issued.keyPem,
  };
}

const dayMs = 86_400_000;
/** Ended five days ago. */
export const ended: Validity = { notBefore: new Date(Date.now() - 10 * dayMs), days: 5 };
/** Begins tomorrow. */
export const early: Validity = { notBefore: new Date(Date.now() + dayMs), days: 5 };
