import {
  type CertificateAuthority,
  issueCertificate,
  makeAuthority,
  type Validity,
} from "../../src/security/certificates.ts";
import type { Component } from "../../src/security/roles.ts";
import type { CertificateTransport } from "../../src/security/tls.ts";

/** A CA in memory and what it signs; keys are made once a test file. */
export async function testAuthority() {
  const authority = await makeAuthority();
  return {
    authority,
    caPem: authority.cert.toString("pem"),
    /** A certificate of this CA, held by someone who trusts this CA (or `trusting`). */
    transport: (component: Component, options: IssueOptions = {}) => transport(authority, component, options),
  };
}

export interface IssueOptions extends Validity {
  readonly commonName?: string;
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
