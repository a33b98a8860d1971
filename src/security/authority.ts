// The DI container of @peculiar/x509 wants this before anything of it.
import "reflect-metadata";
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { errorText } from "../faults/fault.ts";
import { faultInvalidCertFile } from "../faults/security.ts";
import { type CertificateAuthority, rsa } from "./certificates.ts";
import { isCurrent, maxCertMode, parseAll, readPem } from "./load.ts";

/** Widest permissions of a CA's key. */
const maxAuthorityKeyMode = 0o400;

/**
 * A CA from its files, whoever made them: this program, DAOS's own script (whichever openssl wrote its key: PKCS#8 or
 * PKCS#1), or another. The certificate file may be a bundle: the one that the key belongs to is taken.
 * @throws Fault 901 to 903; the key may be read by its owner alone
 */
export async function loadAuthority(certPath: string, keyPath: string): Promise<CertificateAuthority> {
  const certs = parseAll(certPath, await readPem(certPath, maxCertMode));
  const key = readKey(keyPath, await readPem(keyPath, maxAuthorityKeyMode));
  const cert = certs.find((candidate) => candidate.checkPrivateKey(key));
  if (cert === undefined) {
    throw faultInvalidCertFile(
      keyPath,
      `it is not the key of a CA in ${certPath}`,
      "give the CA certificate and the key that were made together",
    );
  }
  if (!cert.ca) throw faultInvalidCertFile(certPath, "it is not the certificate of a CA (CA:TRUE)");
  if (!isCurrent(cert)) {
    throw faultInvalidCertFile(
      certPath,
      `the CA is valid only from ${new Date(cert.validFrom).toISOString()} to ${new Date(cert.validTo).toISOString()}`,
      'make a new CA with "daosctl cert rotate-ca"',
    );
  }
  return { cert: new x509.X509Certificate(cert.raw), keys: await keyPair(key) };
}

/** @throws Fault 903 when it is no private key, is locked by a passphrase, or is not RSA */
export function readKey(path: string, pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    const reason = /ENCRYPTED/.test(pem) ? "it is locked by a passphrase" : errorText(error);
    throw faultInvalidCertFile(path, `the file does not contain a usable private key: ${reason}`);
  }
  if (key.asymmetricKeyType !== "rsa") {
    throw faultInvalidCertFile(
      path,
      `the key is of type ${key.asymmetricKeyType}; DAOS 2.6 works with RSA keys`,
    );
  }
  return key;
}

/** The key pair that certificates are made with. */
export async function keyPair(key: KeyObject): Promise<CryptoKeyPair> {
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), rsa, true, ["sign"]),
    importPublicKey(createPublicKey(key)),
  ]);
  return { privateKey, publicKey };
}

export function importPublicKey(key: KeyObject): Promise<CryptoKey> {
  return crypto.subtle.importKey("spki", key.export({ type: "spki", format: "der" }), rsa, true, ["verify"]);
}

/** The certificate of a CA as node:crypto has it. */
export function authorityCertificate(authority: CertificateAuthority): X509Certificate {
  return new X509Certificate(Buffer.from(authority.cert.rawData));
}
