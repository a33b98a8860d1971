import { z } from "zod";
import { askHelper } from "../../helper/ask.ts";
import type { NamedUser } from "../../services/agent/request-credentials.ts";

const identitySchema = z.object({ user: z.string(), group: z.string(), groups: z.array(z.string()) });

/** A directory server that does not answer is not waited for longer. */
const LOOKUP_TIMEOUT_MS = 20_000;

/**
 * The names of a user and its groups, asked of the system (NSS) in a child: a directory server may take its
 * time. The credentials made of them are what is kept (request-credentials.ts).
 */
export function lookUpUser(uid: number, gid: number): Promise<NamedUser> {
  return askHelper({ op: "identity", uid, gid }, identitySchema, { timeoutMs: LOOKUP_TIMEOUT_MS });
}
