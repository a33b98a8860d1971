import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { constants } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { errorText } from "../faults/fault.ts";
import { faultInvalidCertFile, faultMissingCertFile, faultUnreadableCertFile } from "../faults/security.ts";
import type { Component } from "./roles.ts";
import type { CertificateTransport, TransportFiles } from "./tls.ts";

/** Widest permissions of a certificate file. */
export const maxCertMode = 0o664;
/** Keys of daemons belong to one user; the admin's may be shared by a group. */
export const maxKeyMode: Readonly<Record<Component, number>> = { server: 0o400, agent: 0o400, admin: 0o440 };

/**
 * Reads and checks the certificate files of a component, as 2.6 does before first use: present, regular, with
 * permissions no wider than allowed, key and certificate a pair, certificate valid now and signed by the CA.
 * @throws Fault 901 (missing), 902 (unreadable, or permissions too wide), 903 (invalid)
 */
export async function loadCertificates(
  files: TransportFiles,
  role: Component,
): Promise<CertificateTransport> {
  const clientCertDir = files.clientCertDir ?? "";
  if (clientCertDir !== "") await checkFolder(clientCertDir);
  const ca = await readPem(files.caCert, maxCertMode);
  const cert = await readPem(files.cert, maxCertMode);
  const key = await readPem(files.key, maxKeyMode[role]);
  const transport: CertificateTransport = {
    insecure: false,
    caPath: files.caCert,
    certPath: files.cert,
    keyPath: files.key,
    clientCertDir,
    ca,
    cert,
    key,
  };
  checkCertificates(transport);
  return transport;
}

/** Reads a PEM file whose permissions are no wider than `maxMode`. @throws Fault 901, 902 */
export async function readPem(path: string, maxMode: number): Promise<string> {
  try {
    const info = await stat(path);
    if (!info.isFile()) {
      throw faultUnreadableCertFile(path, "it is not a regular file", "give the path of the file itself");
    }
    const mode = info.mode & 0o777;
    if ((mode & ~maxMode) !== 0) {
      throw faultUnreadableCertFile(
        path,
        `its permissions are incorrect: it has insecure permissions 0${mode.toString(8)} (suggested: 0${maxMode.toString(8)})`,
        `chmod 0${maxMode.toString(8)} ${path}`,
      );
    }
    return await readFile(path, "utf8");
  } catch (error) {
    throw fileFault(path, error);
  }
}

async function checkFolder(path: string): Promise<void> {
  try {
    const info = await stat(path);
    if (!info.isDirectory()) {
      throw faultUnreadableCertFile(
        path,
        "it is not a folder",
        "set client_cert_dir to a folder of certificates",
      );
    }
    await access(path, constants.R_OK | constants.X_OK);
  } catch (error) {
    throw fileFault(path, error);
  }
}

function fileFault(path: string, error: unknown): unknown {
  switch ((error as { readonly code?: unknown }).code) {
    case "ENOENT":
    case "ENOTDIR":
      return faultMissingCertFile(path);
    case "EACCES":
    case "EPERM":
      return faultUnreadableCertFile(
        path,
        "its permissions are incorrect: this user may not read it",
        `make ${path} and its folder readable by the user that runs this program`,
      );
    default:
      return error;
  }
}

function checkCertificates(transport: CertificateTransport): void {
  const cas = parseAll(transport.caPath, transport.ca);
  const leaf = parseAll(transport.certPath, transport.cert)[0]!;
  const key = parseKey(transport.keyPath, transport.key);
  if (!leaf.checkPrivateKey(key)) {
    throw faultInvalidCertFile(
      transport.certPath,
      `it does not belong to the private key ${transport.keyPath}`,
      "give the certificate and the key that were made together",
    );
  }
  checkPeriod(transport.certPath, leaf);
  const intermediates = parseAll(transport.certPath, transport.cert).slice(1);
  // A bundle may hold a CA that has ended beside the one that took its place.
  const current = cas.filter((ca) => isCurrent(ca));
  if (current.length === 0) checkPeriod(transport.caPath, cas[0]!);
  if (!isSignedBy(leaf, current, intermediates)) {
    throw faultInvalidCertFile(
      transport.certPath,
      `certificate signed by unknown authority: it was not issued by ${transport.caPath}`,
    );
  }
}

/** True when the leaf leads to one of `cas`, over the intermediates that came with it. */
export function isSignedBy(
  leaf: X509Certificate,
  cas: readonly X509Certificate[],
  intermediates: readonly X509Certificate[],
): boolean {
  let current = leaf;
  for (let depth = 0; depth <= intermediates.length; depth++) {
    if (cas.some((ca) => current.checkIssued(ca) && current.verify(ca.publicKey))) return true;
    const next = intermediates.find((up) => current.checkIssued(up) && current.verify(up.publicKey));
    if (next === undefined) return false;
    current = next;
  }
  return false;
}

/** Valid now. */
export function isCurrent(cert: X509Certificate, nowMs = Date.now()): boolean {
  return nowMs <= Date.parse(cert.validTo) && nowMs >= Date.parse(cert.validFrom);
}

function checkPeriod(path: string, cert: X509Certificate): void {
  const nowMs = Date.now();
  if (nowMs > Date.parse(cert.validTo)) {
    throw faultInvalidCertFile(
      path,
      `x509: certificate has expired or is not yet valid: it ended on ${new Date(cert.validTo).toISOString()}`,
      "make new certificates, or correct this machine's clock",
    );
  }
  if (nowMs < Date.parse(cert.validFrom)) {
    throw faultInvalidCertFile(
      path,
      `x509: certificate has expired or is not yet valid: it begins on ${new Date(cert.validFrom).toISOString()}`,
      "correct this machine's clock, or wait",
    );
  }
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Every certificate of a PEM text; at least one. @throws Fault 903 */
export function parseAll(path: string, pem: string): X509Certificate[] {
  const blocks = pem.match(pemCertificate) ?? [];
  if (blocks.length === 0) throw faultInvalidCertFile(path, "the file does not contain a PEM certificate");
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw faultInvalidCertFile(path, errorText(error));
  }
}

function parseKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw faultInvalidCertFile(path, `the file does not contain a usable private key: ${errorText(error)}`);
  }
}
