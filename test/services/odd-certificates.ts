import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import type { CertificateAuthority } from "../../src/security/certificates.ts";

/** A certificate of `authority` made for one purpose only. */
export async function x509WithUsage(
  authority: CertificateAuthority,
  commonName: string,
  usage: "serverAuth" | "clientAuth",
): Promise<{ cert: string; key: string }> {
  const algorithm = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-512",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: "4711",
    subject: `O=DAOS, CN=${commonName}`,
    issuer: authority.cert.subject,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[usage]])],
  });
  const der = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { cert: cert.toString("pem"), key: x509.PemConverter.encode(der, "PRIVATE KEY") };
}
