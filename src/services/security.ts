import type { KeyObject, X509Certificate } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DrpcModule, SecMethod } from "../drpc/methods.ts";
import { DrpcStatusError, Status } from "../drpc/status.ts";
import type { DrpcHandler, DrpcModules } from "../drpc/types.ts";
import { errorText } from "../faults/fault.ts";
import {
  type Credential,
  type Token,
  ValidateCredReqSchema,
  ValidateCredRespSchema,
} from "../gen/security/auth_pb.ts";
import type { Logger } from "../log/logger.ts";
import { checkVerifier, originCertificate } from "../security/credentials.ts";
import { commonNameOf } from "../security/facts.ts";
import { isCurrent, isSignedBy, maxCertMode, parseAll, readPem } from "../security/load.ts";
import type { CertificateTransport, TransportSecurity } from "../security/tls.ts";

/** DAOS statuses that an engine is answered with. */
const derNoPerm = -1001;
const derInval = -1003;
const derNoCert = -2043;

/**
 * The security module that engines call (module 4): is this credential genuine? The certificate that verifies it is
 * `<client_cert_dir>/<origin>.crt`. Answers the token when it is, a DAOS status when it is not.
 */
export function securityModules(transport: TransportSecurity, log: Logger): DrpcModules {
  const keysOf = transport.insecure ? undefined : signerKeys(transport);

  const validate: DrpcHandler = async (body) => {
    const cred = decodeCredential(body);
    const { token, verifier } = cred ?? {};
    if (cred === undefined || token === undefined || verifier === undefined) {
      log.error("malformed credential");
      return status(derInval);
    }
    let keys: readonly (KeyObject | undefined)[] = [undefined];
    if (keysOf !== undefined) {
      try {
        keys = await keysOf(cred.origin);
      } catch (error) {
        log.error(`cannot verify a credential of origin "${shown(cred.origin)}": ${errorText(error)}`);
        return status(derNoCert);
      }
    }
    const problem = verificationProblem(token, verifier.data, keys);
    if (problem !== undefined) {
      log.error(`cred verification failed: ${problem}`);
      return status(derNoPerm);
    }
    return toBinary(ValidateCredRespSchema, create(ValidateCredRespSchema, { token }));
  };
  return { [DrpcModule.SEC]: { [SecMethod.VALIDATE_CREDS]: validate } };
}

function decodeCredential(body: Uint8Array): Credential | undefined {
  try {
    return fromBinary(ValidateCredReqSchema, body).cred;
  } catch (error) {
    throw new DrpcStatusError(Status.FAILED_UNMARSHAL_PAYLOAD, errorText(error));
  }
}

function status(value: number): Uint8Array {
  return toBinary(ValidateCredRespSchema, create(ValidateCredRespSchema, { status: value }));
}

/** Why none of the keys made the verifier; undefined when one did. */
function verificationProblem(
  token: Token,
  verifier: Uint8Array,
  keys: readonly (KeyObject | undefined)[],
): string | undefined {
  let problem: string | undefined = "no key";
  for (const key of keys) {
    try {
      checkVerifier(token, verifier, key);
      return undefined;
    } catch (error) {
      problem = errorText(error);
    }
  }
  return problem;
}

/** A client wrote it: a log line is no place for all of it. */
function shown(origin: string): string {
  return origin.length > 64 ? `${origin.slice(0, 64)}…` : origin;
}

/** An origin names a file of the folder and nothing else, whatever a client wrote into it. */
const safeOrigin = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Certificates of nodes that are remembered as genuine. */
const maxNodes = 4096;

/**
 * The keys that may have signed for an origin. A name stands for `<name>.crt` in the folder of client certificates, and
 * for `<name>.previous.crt` beside it while agents change over to a new key; a certificate for itself.
 */
function signerKeys(transport: CertificateTransport): (origin: string) => Promise<readonly KeyObject[]> {
  const fileKey = fileKeys(transport.clientCertDir);
  const genuine = new Map<string, X509Certificate>();
  let trusted = transport.ca;
  return async (origin) => {
    if (transport.ca !== trusted) {
      genuine.clear();
      trusted = transport.ca;
    }
    const cert = genuine.get(origin) ?? originCertificate(origin);
    if (cert !== undefined) {
      if (!isCurrent(cert)) throw new Error("the certificate of the node has expired or is not yet valid");
      if (!genuine.has(origin)) {
        requireAgent(cert, transport);
        if (genuine.size >= maxNodes) genuine.delete(genuine.keys().next().value!);
        genuine.set(origin, cert);
      }
      return [cert.publicKey];
    }
    if (!safeOrigin.test(origin)) throw new Error("not a name of a certificate");
    const [now, before] = await Promise.all([
      fileKey(`${origin}.crt`),
      fileKey(`${origin}.previous.crt`).catch(() => undefined),
    ]);
    return before === undefined ? [now] : [now, before];
  };
}

/** Only agents vouch for users. @throws Error for any other certificate, and for one of another CA */
function requireAgent(cert: X509Certificate, transport: CertificateTransport): void {
  const authorities = parseAll(transport.caPath, transport.ca).filter((ca) => isCurrent(ca));
  if (!isSignedBy(cert, authorities, [])) throw new Error("certificate signed by unknown authority");
  if (commonNameOf(cert) !== "agent") throw new Error("the certificate is not that of an agent");
}

interface CachedKey {
  readonly version: string;
  readonly key: KeyObject;
}

/** Public keys by file name; a file is read again when it has changed. */
function fileKeys(dir: string): (name: string) => Promise<KeyObject> {
  const cache = new Map<string, CachedKey>();
  return async (name) => {
    const path = join(dir, name);
    const info = await stat(path, { bigint: true }).catch(() => undefined);
    const version = info === undefined ? "" : `${info.ino} ${info.size} ${info.mtimeNs} ${info.mode}`;
    const known = cache.get(name);
    if (known !== undefined && version !== "" && known.version === version) return known.key;
    const certs = parseAll(path, await readPem(path, maxCertMode));
    if (certs.length > 1) throw new Error(`${path} holds more than one certificate`);
    const key = certs[0]!.publicKey;
    cache.set(name, { version, key });
    return key;
  };
}
