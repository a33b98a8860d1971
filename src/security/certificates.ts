// The DI container of @peculiar/x509 wants this before anything of it.
import "reflect-metadata";
import { chmod, copyFile, mkdir, rename, rmdir, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { exists } from "../files/exists.ts";
import type { Component } from "./roles.ts";

/**
 * Certificates as DAOS's own script makes them: one self-made CA, one certificate a component (not a host), whose
 * common name is the component's name, O=DAOS, RSA 3072 signed with SHA-512, three years, no alternative names.
 */
export const rsa = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-512",
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 3072,
} as const;
const defaultDays = 1095;
const dayMs = 24 * 60 * 60 * 1000;

export interface CertificateAuthority {
  readonly cert: x509.X509Certificate;
  readonly keys: CryptoKeyPair;
}

/** PEM text of a certificate and of its private key (PKCS#8). */
export interface IssuedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Validity {
  readonly notBefore?: Date | undefined;
  readonly days?: number | undefined;
}

/** What may be given in place of what is made by default. */
export interface CertificateOptions extends Validity {
  readonly commonName?: string | undefined;
  /** A key pair to certify, such as that of a certificate to be renewed, in place of a new one. */
  readonly keys?: CryptoKeyPair | undefined;
  /** Host names and addresses the certificate also speaks for (subjectAltName); 2.6's have none, and need none. */
  readonly hostNames?: readonly string[] | undefined;
  /** The one node the certificate and its key belong to, as OU of the subject; see credentials.ts. */
  readonly node?: string | undefined;
}

/** A new CA: may sign certificates, path length 1. */
export async function makeAuthority(options: CertificateOptions = {}): Promise<CertificateAuthority> {
  const keys = options.keys ?? (await makeKeys());
  const usages = x509.KeyUsageFlags;
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: subject(options.commonName ?? "DAOS CA"),
    ...period(options),
    keys,
    signingAlgorithm: rsa,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(
        usages.digitalSignature | usages.nonRepudiation | usages.keyEncipherment | usages.keyCertSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert, keys };
}

/** What a certificate may be shown for: servers also call each other. */
const purposes: Readonly<Record<Component, readonly string[]>> = {
  server: [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth],
  agent: [x509.ExtendedKeyUsage.clientAuth],
  admin: [x509.ExtendedKeyUsage.clientAuth],
};

/** A certificate of `component` and its key, signed by `authority`; its common name is the component's name. */
export async function issueCertificate(
  authority: CertificateAuthority,
  component: Component,
  options: CertificateOptions = {},
): Promise<IssuedCertificate> {
  const keys = options.keys ?? (await makeKeys());
  const certPem = await certify(authority, component, keys.publicKey, options);
  return { certPem, keyPem: await keyPemOf(keys) };
}

/**
 * PEM of a certificate of `component` for a public key whose private half stays where it is. What it says is
 * decided here alone, never by a request. It ends no later than its CA.
 */
export async function certify(
  authority: CertificateAuthority,
  component: Component,
  publicKey: CryptoKey,
  options: Omit<CertificateOptions, "keys"> = {},
): Promise<string> {
  const usages = x509.KeyUsageFlags;
  const { notBefore, notAfter } = period(options);
  const hostNames = options.hostNames ?? [];
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: subject(options.commonName ?? component, options.node),
    // The name as it is in the CA's certificate, byte for byte: Go compares bytes, and a string would be encoded anew.
    issuer: authority.cert.subjectName,
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), authority.cert.notAfter.getTime())),
    publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: rsa,
    extensions: [
      new x509.KeyUsagesExtension(usages.digitalSignature | usages.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([...purposes[component]]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.keys.publicKey),
      ...(hostNames.length === 0
        ? []
        : [new x509.SubjectAlternativeNameExtension(hostNames.map(alternativeName))]),
    ],
  });
  return pemOf(cert);
}

/** Names of hosts as certificates and commands take them: nothing that could break out of a subject. */
const hostNamePattern =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/** @throws Error for what is neither a host name nor an address */
export function requireHostName(name: string): string {
  if (isIP(name) === 0 && !hostNamePattern.test(name)) {
    throw new Error(`"${name}" is neither a host name nor an address`);
  }
  return name;
}

function alternativeName(name: string): { type: "dns" | "ip"; value: string } {
  requireHostName(name);
  return { type: isIP(name) === 0 ? "dns" : "ip", value: name };
}

/** Where the files of a set of certificates are. */
export interface CertificateFiles {
  /** `<dir>/daosCA`. */
  readonly home: string;
  readonly caCert: string;
  readonly caKey: string;
  /** Certificates of the callers whose signatures a server accepts. */
  readonly clientCertDir: string;
  readonly cert: Readonly<Record<Component, string>>;
  readonly key: Readonly<Record<Component, string>>;
}

export function certificateFiles(dir: string): CertificateFiles {
  const home = join(dir, "daosCA");
  const certs = join(home, "certs");
  const byComponent = (end: string) => ({
    server: join(certs, `server.${end}`),
    agent: join(certs, `agent.${end}`),
    admin: join(certs, `admin.${end}`),
  });
  return {
    home,
    caCert: join(certs, "daosCA.crt"),
    caKey: join(home, "private", "daosCA.key"),
    clientCertDir: join(certs, "clients"),
    cert: byComponent("crt"),
    key: byComponent("key"),
  };
}

/**
 * Makes `<dir>/daosCA` with a CA and the three certificates, in the layout and with the permissions of DAOS's own
 * script. It appears whole or not at all.
 * @throws Error when `<dir>/daosCA` exists: certificates in use are never replaced unasked
 */
export async function makeCertificates(dir: string, validity: Validity = {}): Promise<CertificateFiles> {
  const files = certificateFiles(dir);
  if (await exists(files.home)) throw new Error(`${files.home} already exists`);
  await mkdir(dir, { recursive: true });
  const draft = join(dir, `.daosCA-${process.pid}`);
  const work = certificateFiles(draft);

  // One period for all: no certificate outlives its CA.
  const shared = { ...validity, notBefore: validity.notBefore ?? periodStart() };
  const authority = await makeAuthority(shared);
  await mkdir(work.home, { recursive: true, mode: 0o700 });
  await mkdir(join(work.home, "private"), { mode: 0o700 });
  await makeFolder(join(work.home, "certs"));
  await makeFolder(work.clientCertDir);
  await writeMode(work.caKey, await keyPemOf(authority.keys), 0o400);
  await writeMode(work.caCert, pemOf(authority.cert), 0o644);
  await Promise.all(
    (["server", "agent", "admin"] as const).map(async (component) => {
      const issued = await issueCertificate(authority, component, shared);
      await writeMode(work.key[component], issued.keyPem, 0o400);
      await writeMode(work.cert[component], issued.certPem, 0o644);
    }),
  );
  for (const component of ["agent", "admin"] as const) {
    const copy = join(work.clientCertDir, `${component}.crt`);
    await copyFile(work.cert[component], copy);
    await chmod(copy, 0o644);
  }
  await rename(work.home, files.home);
  await rmdir(draft);
  return files;
}

/** A new key pair of the kind all certificates use. */
export async function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(rsa, true, ["sign", "verify"]);
}

function subject(commonName: string, node?: string): string {
  const unit = node === undefined ? "" : `OU=${requireHostName(node)}, `;
  return `O=DAOS, ${unit}CN=${commonName}`;
}

/** A minute ago: the clocks of a cluster are not all the same. */
function periodStart(): Date {
  return new Date(Date.now() - 60_000);
}

function period(validity: Validity): { notBefore: Date; notAfter: Date } {
  const notBefore = validity.notBefore ?? periodStart();
  return { notBefore, notAfter: new Date(notBefore.getTime() + (validity.days ?? defaultDays) * dayMs) };
}

/** 16 random bytes as hex, positive in DER. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

/** PEM text of a certificate, with the line break at its end. */
export function pemOf(cert: x509.X509Certificate): string {
  return `${cert.toString("pem")}\n`;
}

/** PEM text (PKCS#8) of a private key. */
export async function keyPemOf(keys: CryptoKeyPair): Promise<string> {
  const der = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`;
}

/** The umask of the caller must not decide what others can read. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o755 });
  await chmod(path, 0o755);
}

async function writeMode(path: string, text: string, mode: number): Promise<void> {
  await writeFile(path, text, { mode, flag: "wx" });
  await chmod(path, mode);
}
