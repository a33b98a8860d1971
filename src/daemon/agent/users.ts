import type { NamedUser } from "../../services/agent/request-credentials.ts";

/** A directory server that does not answer is not waited for longer. */
const LOOKUP_TIMEOUT_MS = 20_000;

/**
 * The names of a user and its groups, asked of the system (NSS) in a child: a directory server may take its
 * time. The credentials made of them are what is kept (request-credentials.ts).
 */
export async function lookUpUser(uid: number, gid: number): Promise<NamedUser> {
  // Wanted once a minute and user, so not loaded at start.
  const [{ z }, { askHelper }] = await Promise.all([import("zod"), import("../../helper/ask.ts")]);
  const identity = z.object({ user: z.string(), group: z.string(), groups: z.array(z.string()) });
  return askHelper({ op: "identity", uid, gid }, identity, { timeoutMs: LOOKUP_TIMEOUT_MS });
}
