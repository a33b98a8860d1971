import type { KeyObject } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import type { DrpcHandler, DrpcPeer } from "../../drpc/types.ts";
import { errorText } from "../../faults/fault.ts";
import { GetCredRespSchema } from "../../gen/security/auth_pb.ts";
import type { Logger } from "../../log/logger.ts";
import { type CredentialSigner, makeCredential } from "../../security/credentials.ts";
import { processText } from "./process.ts";

/** DAOS status for a client whose user has no name here. */
const DER_MISC = -1025;

/** Who a client is, by name. */
export interface NamedUser {
  readonly user: string;
  readonly group: string;
  readonly groups: readonly string[];
}

export interface RequestCredentialsOptions {
  /** @throws Error when user or group has no name */
  readonly lookUp: (uid: number, gid: number) => Promise<NamedUser>;
  /** Host name up to the first dot, read anew when a credential is made. */
  readonly machineName: () => string;
  /**
   * Who signs, read anew when a credential is made: certificates are replaced while the agent runs. A bare key
   * signs in the name of the certificate that all agents share; undefined: the system runs without certificates.
   */
  readonly signingKey: KeyObject | CredentialSigner | undefined;
  readonly log: Logger;
}

/**
 * A token holds no time, so one signature serves all processes of a user for as long as the names behind it are
 * believed: signing is by far the dearest thing the agent does.
 */
const CREDENTIAL_AGE_MS = 60_000;
const MAX_KEPT = 1024;

interface Kept {
  readonly answer: Promise<Uint8Array>;
  readonly at: number;
  /** Who has signed it: after a change of certificates it is made anew. */
  readonly signer: KeyObject | CredentialSigner | undefined;
  /** The answer, when it is there. */
  bytes?: Uint8Array;
}

export interface CredentialRequests {
  readonly handle: DrpcHandler;
  /** Users whose credential is kept. */
  kept(): number;
  /** Makes all credentials anew. */
  forget(): void;
}

/** Signs who the peer is, as the kernel says: the credential that libdaos shows to engines. */
export function createCredentialRequests(options: RequestCredentialsOptions): CredentialRequests {
  const { log } = options;
  const kept = new Map<string, Kept>();

  async function make(peer: DrpcPeer, securityContext: string, signer: Kept["signer"]): Promise<Uint8Array> {
    const identity = await options.lookUp(peer.uid, peer.gid);
    const cred = await makeCredential(
      { ...identity, machineName: options.machineName(), securityContext },
      signer,
    );
    return toBinary(GetCredRespSchema, create(GetCredRespSchema, { cred }));
  }

  function entryFor(peer: DrpcPeer, label: string): Kept {
    const key = `${peer.uid}:${peer.gid}:${label}`;
    const now = performance.now();
    const signer = options.signingKey;
    const known = kept.get(key);
    if (known !== undefined && now - known.at <= CREDENTIAL_AGE_MS && known.signer === signer) return known;
    const entry: Kept = { answer: make(peer, label, signer), at: now, signer };
    kept.delete(key);
    if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value!);
    kept.set(key, entry);
    entry.answer.then(
      (bytes) => {
        entry.bytes = bytes;
      },
      () => {
        if (kept.get(key) === entry) kept.delete(key);
      },
    );
    return entry;
  }

  function refuse(peer: DrpcPeer, error: unknown): Uint8Array {
    const client = processText(peer.pid);
    log.error(`${client} uid:${peer.uid} gid:${peer.gid}: failed to make a credential: ${errorText(error)}`);
    return toBinary(GetCredRespSchema, create(GetCredRespSchema, { status: DER_MISC }));
  }

  return {
    handle(_body, { peer, securityLabel = "" }) {
      let entry: Kept;
      try {
        entry = entryFor(peer, securityLabel);
      } catch (error) {
        return refuse(peer, error); // the key in use cannot be read
      }
      return entry.bytes ?? entry.answer.catch((error) => refuse(peer, error));
    },
    kept: () => kept.size,
    forget: () => kept.clear(),
  };
}
