import {
  constants,
  createHash,
  createPrivateKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
  X509Certificate,
} from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { errorText } from "../faults/fault.ts";
import {
  type Credential,
  CredentialSchema,
  Flavor,
  type Sys,
  SysSchema,
  type Token,
  TokenSchema,
} from "../gen/security/auth_pb.ts";

/**
 * Credentials of flavour AUTH_SYS: who a client process is, as its own node's kernel says, vouched for by the node's
 * agent. The verifier is a signature over the encoded token (RSA-PSS, SHA-512, the largest salt that fits); without
 * certificates it is the bare SHA-512 of it.
 */

/** A user as the node knows it; names without the "@" that principals end in. */
export interface UserIdentity {
  readonly user: string;
  readonly group: string;
  /** Names of all groups the user is in, its own among them. */
  readonly groups: readonly string[];
  /** Host name up to the first dot. */
  readonly machineName: string;
  /** Security label of the process (SELinux), or "". */
  readonly securityContext?: string | undefined;
}

/** Names the certificate `<origin>.crt` in the server's client_cert_dir that verifies the credential. */
export const credentialOrigin = "agent";

/**
 * Before the certificate itself (DER, base64) in the origin of a credential whose signer has a key of its own: no
 * server holds a copy of such a certificate, and none is needed, for the CA vouches for it.
 */
const certificateOrigin = "x509:";

/** Who signs credentials on a node. */
export interface CredentialSigner {
  readonly key: KeyObject;
  readonly origin: string;
}

/**
 * The signer with an agent's certificate. One that nodes share is found by servers in their client_cert_dir, as 2.6
 * does it; one made for this node alone (an OU in its subject) goes with each credential.
 */
export function credentialSigner(certPem: string, keyPem: string): CredentialSigner {
  const cert = new X509Certificate(certPem);
  const own = /^OU=/m.test(cert.subject);
  return {
    key: createPrivateKey(keyPem),
    origin: own ? certificateOrigin + cert.raw.toString("base64") : credentialOrigin,
  };
}

/** The certificate that an origin carries; undefined when it is the name of one. @throws Error */
export function originCertificate(origin: string): X509Certificate | undefined {
  if (!origin.startsWith(certificateOrigin)) return undefined;
  if (origin.length > maxOriginLength) throw new Error("the certificate is too long");
  return new X509Certificate(Buffer.from(origin.slice(certificateOrigin.length), "base64"));
}

const maxOriginLength = 16 << 10;

/**
 * Makes the credential of a client process.
 * @param signer the agent's; a bare key signs as 2.6 does; undefined when the system runs without certificates
 * @throws Error when the key is not RSA
 */
export async function makeCredential(
  identity: UserIdentity,
  signer: KeyObject | CredentialSigner | undefined,
): Promise<Credential> {
  const { key: signingKey, origin } =
    signer !== undefined && "origin" in signer ? signer : { key: signer, origin: credentialOrigin };
  const sys = create(SysSchema, {
    machinename: identity.machineName,
    user: principal(identity.user),
    group: principal(identity.group),
    groups: identity.groups.map(principal),
    secctx: identity.securityContext ?? "",
  });
  const token = create(TokenSchema, { flavor: Flavor.AUTH_SYS, data: toBinary(SysSchema, sys) });
  const verifier = await makeVerifier(token, signingKey);
  return create(CredentialSchema, {
    token,
    verifier: { flavor: Flavor.AUTH_SYS, data: verifier },
    origin,
  });
}

/** The verifier of a token. @throws Error when the key is not RSA */
export async function makeVerifier(token: Token, signingKey: KeyObject | undefined): Promise<Uint8Array> {
  const bytes = toBinary(TokenSchema, token);
  if (signingKey === undefined) return digest(bytes);
  requireRsa(signingKey);
  // The callback form signs on a worker thread: an RSA-3072 signature takes milliseconds.
  return new Promise((resolve, reject) => {
    sign(
      "sha512",
      bytes,
      { key: signingKey, ...pss, saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN },
      (error, signature) => (error === null ? resolve(signature) : reject(error)),
    );
  });
}

/**
 * Checks a verifier.
 * @param publicKey the signer's public key; undefined when the system runs without certificates
 * @throws Error that says why it is not genuine
 */
export function checkVerifier(token: Token, verifier: Uint8Array, publicKey: KeyObject | undefined): void {
  const bytes = toBinary(TokenSchema, token);
  if (publicKey === undefined) {
    const expected = digest(bytes);
    if (verifier.length === expected.length && timingSafeEqual(verifier, expected)) return;
    throw new Error("the unsigned hash does not match the token");
  }
  requireRsa(publicKey);
  const key = { key: publicKey, ...pss, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
  if (!verify("sha512", bytes, key, verifier)) throw new Error("the signature does not match the token");
}

/** The user a token speaks of. @throws Error when it is of another flavour or cannot be read */
export function readSysToken(token: Token): Sys {
  if (token.flavor !== Flavor.AUTH_SYS)
    throw new Error(`the token is not of flavour AUTH_SYS but ${token.flavor}`);
  try {
    return fromBinary(SysSchema, token.data);
  } catch (error) {
    throw new Error(`the token cannot be read: ${errorText(error)}`);
  }
}

/** "node7.cluster.example" -> "node7", as tokens name machines. */
export function shortHostName(hostName: string): string {
  return hostName.split(".")[0] ?? hostName;
}

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING } as const;

function digest(bytes: Uint8Array): Buffer {
  return createHash("sha512").update(bytes).digest();
}

/** "alice" -> "alice@", the form of principals in ACLs. */
function principal(name: string): string {
  return `${name}@`;
}

function requireRsa(key: KeyObject): void {
  if (key.asymmetricKeyType !== "rsa")
    throw new Error(`unsupported key type ${key.asymmetricKeyType}, RSA is needed`);
}
