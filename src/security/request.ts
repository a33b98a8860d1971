// The DI container of @peculiar/x509 wants this before anything of it.
import "reflect-metadata";
import { createPublicKey } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { errorText } from "../faults/fault.ts";
import { importPublicKey } from "./authority.ts";
import { rsa } from "./certificates.ts";

/** Smallest RSA key that is certified. */
const minKeyBits = 2048;
/** Largest: checking a signature of a giant one is work a stranger could ask for. */
const maxKeyBits = 8192;
/** No request for one key is longer. */
const maxRequestBytes = 16 << 10;

/** PEM of a certificate signing request for a key pair; it shows that the asker has the private half. */
export async function makeRequest(keys: CryptoKeyPair): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "O=DAOS",
    keys,
    signingAlgorithm: rsa,
  });
  return `${request.toString("pem")}\n`;
}

/**
 * The public key of a signing request whose own signature holds. Nothing else of it counts: names and uses are
 * the issuer's to decide.
 * @throws Error that says what is wrong with it
 */
export async function requestedKey(pem: string): Promise<CryptoKey> {
  if (pem.length > maxRequestBytes) throw new Error("the signing request is too long");
  let request: x509.Pkcs10CertificateRequest;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
  } catch (error) {
    throw new Error(`the signing request cannot be read: ${errorText(error)}`);
  }
  let key: ReturnType<typeof createPublicKey>;
  try {
    key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: "der", type: "spki" });
  } catch (error) {
    throw new Error(`the key of the signing request cannot be read: ${errorText(error)}`);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== "rsa" || bits < minKeyBits || bits > maxKeyBits) {
    throw new Error(`the key must be RSA of ${minKeyBits} to ${maxKeyBits} bits, as DAOS 2.6 needs`);
  }
  const genuine = await request.verify().catch((error: unknown) => {
    throw new Error(`the signature of the signing request cannot be checked: ${errorText(error)}`);
  });
  if (!genuine) throw new Error("the signature of the signing request does not match its key");
  return importPublicKey(key);
}
