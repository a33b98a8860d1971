import type { KeyObject } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import type { DrpcHandler, DrpcPeer } from "../../drpc/types.ts";
import { errorText } from "../../faults/fault.ts";
import { GetCredRespSchema } from "../../gen/security/auth_pb.ts";
import type { Logger } from "../../log/logger.ts";
import { makeCredential } from "../../security/credentials.ts";
import { processName, processText } from "./process.ts";

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
  /** The agent's private key; undefined when the system runs without certificates. */
  readonly signingKey: KeyObject | undefined;
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
}

/** Signs who the peer is, as the kernel says: the credential that libdaos shows to engines. */
export function requestCredentialsHandler(options: RequestCredentialsOptions): DrpcHandler {
  const { log } = options;
  const kept = new Map<string, Kept>();

  async function make(peer: DrpcPeer, securityContext: string): Promise<Uint8Array> {
    const identity = await options.lookUp(peer.uid, peer.gid);
    const cred = await makeCredential(
      { ...identity, machineName: options.machineName(), securityContext },
      options.signingKey,
    );
    return toBinary(GetCredRespSchema, create(GetCredRespSchema, { cred }));
  }

  return async (_body, { peer, securityLabel = "" }) => {
    const key = `${peer.uid}:${peer.gid}:${securityLabel}`;
    const now = performance.now();
    let entry = kept.get(key);
    if (entry === undefined || now - entry.at > CREDENTIAL_AGE_MS) {
      entry = { answer: make(peer, securityLabel), at: now };
      kept.delete(key);
      if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value!);
      kept.set(key, entry);
    }
    try {
      return await entry.answer;
    } catch (error) {
      if (kept.get(key) === entry) kept.delete(key);
      const client = processText(peer.pid, await processName(peer.pid));
      log.error(
        `${client} uid:${peer.uid} gid:${peer.gid}: failed to make a credential: ${errorText(error)}`,
      );
      return toBinary(GetCredRespSchema, create(GetCredRespSchema, { status: DER_MISC }));
    }
  };
}
