import type { X509Certificate } from "node:crypto";
import { parseAll } from "./load.ts";

/** What people and checks want to know of a certificate. */
export interface CertificateFacts {
  readonly commonName: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** "rsa" and its size in bits, as far as known. */
  readonly keyType: string;
  readonly keyBits: number | undefined;
  /** The node it was made for alone, or undefined. */
  readonly node: string | undefined;
  /** Alternative names: "DNS:host", "IP Address:10.0.0.1". */
  readonly hostNames: readonly string[];
  readonly isAuthority: boolean;
  /** Of the whole certificate, SHA-256, "AB:CD:…". */
  readonly fingerprint: string;
  readonly serialNumber: string;
}

/** Facts of the first certificate of a PEM text that came from `path`. @throws Fault 903 */
export function inspectCertificate(path: string, pem: string): CertificateFacts {
  return factsOf(parseAll(path, pem)[0]!);
}

/** Facts of every certificate of a PEM text. @throws Fault 903 */
export function inspectCertificates(path: string, pem: string): CertificateFacts[] {
  return parseAll(path, pem).map(factsOf);
}

export function factsOf(cert: X509Certificate): CertificateFacts {
  return {
    commonName: commonNameOf(cert) ?? "",
    issuer: cert.issuer.replaceAll("\n", ", "),
    notBefore: new Date(cert.validFrom),
    notAfter: new Date(cert.validTo),
    keyType: cert.publicKey.asymmetricKeyType ?? "unknown",
    keyBits: cert.publicKey.asymmetricKeyDetails?.modulusLength,
    node: nodeOf(cert),
    hostNames: cert.subjectAltName?.split(", ") ?? [],
    isAuthority: cert.ca,
    fingerprint: cert.fingerprint256,
    serialNumber: cert.serialNumber,
  };
}

/** The common name of a certificate's subject; undefined when there is none or more than one. */
export function commonNameOf(cert: X509Certificate): string | undefined {
  const names = cert.subject.split("\n").filter((line) => line.startsWith("CN="));
  return names.length === 1 ? names[0]!.slice("CN=".length) : undefined;
}

/** The node that a certificate names in its subject (OU): its key is that node's alone. */
export function nodeOf(cert: X509Certificate): string | undefined {
  const units = cert.subject.split("\n").filter((line) => line.startsWith("OU="));
  return units.length === 1 ? units[0]!.slice("OU=".length) : undefined;
}

const dayMs = 86_400_000;

/** Whole days until it ends; negative once it has. */
export function daysLeft(notAfter: Date, now = Date.now()): number {
  return Math.floor((notAfter.getTime() - now) / dayMs);
}

/** Certificates are to be renewed from so many days before their end. */
export const warnDays = 30;

/** What to tell of a certificate that ends soon or has ended; undefined while there is time. */
export function expiryWarning(what: string, notAfter: Date, now = Date.now()): string | undefined {
  const days = daysLeft(notAfter, now);
  if (days >= warnDays) return undefined;
  const when = notAfter.toISOString();
  return days < 0
    ? `${what} has expired on ${when}`
    : `${what} expires in ${days} day${days === 1 ? "" : "s"}, on ${when}: see "daosctl cert renew"`;
}
