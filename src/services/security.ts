import type { KeyObject } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DrpcModule, SecMethod } from "../drpc/methods.ts";
import { DrpcStatusError, Status } from "../drpc/status.ts";
import type { DrpcHandler, DrpcModules } from "../drpc/types.ts";
import { errorText } from "../faults/fault.ts";
import { type Credential, ValidateCredReqSchema, ValidateCredRespSchema } from "../gen/security/auth_pb.ts";
import type { Logger } from "../log/logger.ts";
import { checkVerifier } from "../security/credentials.ts";
import { maxCertMode, parseAll, readPem } from "../security/load.ts";
import type { TransportSecurity } from "../security/tls.ts";

/** DAOS statuses that an engine is answered with. */
const derNoPerm = -1001;
const derInval = -1003;
const derNoCert = -2043;

/**
 * The security module that engines call (module 4): is this credential genuine? The certificate that verifies it is
 * `<client_cert_dir>/<origin>.crt`. Answers the token when it is, a DAOS status when it is not.
 */
export function securityModules(transport: TransportSecurity, log: Logger): DrpcModules {
  const keyOf = transport.insecure ? undefined : clientKeys(transport.clientCertDir);

  const validate: DrpcHandler = async (body) => {
    const cred = decodeCredential(body);
    const { token, verifier } = cred ?? {};
    if (cred === undefined || token === undefined || verifier === undefined) {
      log.error("malformed credential");
      return status(derInval);
    }
    let key: KeyObject | undefined;
    if (keyOf !== undefined) {
      try {
        key = await keyOf(cred.origin);
      } catch (error) {
        log.error(`cannot verify a credential of origin "${cred.origin}": ${errorText(error)}`);
        return status(derNoCert);
      }
    }
    try {
      checkVerifier(token, verifier.data, key);
    } catch (error) {
      log.error(`cred verification failed: ${errorText(error)}`);
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

/** An origin names a file of the folder and nothing else, whatever a client wrote into it. */
const safeOrigin = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

interface CachedKey {
  readonly version: string;
  readonly key: KeyObject;
}

/** Public keys by origin; a file is read again when it has changed. */
function clientKeys(dir: string): (origin: string) => Promise<KeyObject> {
  const cache = new Map<string, CachedKey>();
  return async (origin) => {
    if (!safeOrigin.test(origin)) throw new Error("not a name of a certificate");
    const path = join(dir, `${origin}.crt`);
    const info = await stat(path, { bigint: true }).catch(() => undefined);
    const version = info === undefined ? "" : `${info.ino} ${info.size} ${info.mtimeNs} ${info.mode}`;
    const known = cache.get(origin);
    if (known !== undefined && version !== "" && known.version === version) return known.key;
    const certs = parseAll(path, await readPem(path, maxCertMode));
    if (certs.length > 1) throw new Error(`${path} holds more than one certificate`);
    const key = certs[0]!.publicKey;
    cache.set(origin, { version, key });
    return key;
  };
}
