import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientContext } from "../../client/context.ts";
import type { Logger } from "../../log/logger.ts";
import type { TransportSecurity } from "../../security/tls.ts";
import type { Doorstep } from "../../services/listener.ts";

export interface EnrollmentParts {
  /** The CA's key (--join-ca-key); undefined: nodes get no certificates from this server. */
  readonly caKey: string | undefined;
  readonly transport: TransportSecurity;
  readonly replicas: readonly string[];
  readonly sys: string;
  readonly log: Logger;
}

/** A stranger does not wait longer for the management service. */
const redeemTimeoutMs = 20_000;

/**
 * What this server does for nodes that have a token and no certificate. The CA's key is read at start, so that one
 * that is missing or open to others is told of at once, and again for each certificate.
 * @throws Fault 901 to 903; Error when the system runs without certificates
 */
export async function openEnrollment(parts: EnrollmentParts): Promise<Doorstep | undefined> {
  const { caKey, transport, replicas, sys, log } = parts;
  if (caKey === undefined) return undefined;
  if (transport.insecure)
    throw new Error("--join-ca-key has no meaning without certificates (allow_insecure)");
  // Most servers issue nothing: what makes certificates is loaded where it is wanted.
  const [{ loadAuthority }, { createEnrollment }, { redeemToken }] = await Promise.all([
    import("../../security/authority.ts"),
    import("../../services/enrollment.ts"),
    import("../../client/tokens.ts"),
  ]);
  const authority = () => loadAuthority(transport.caPath, caKey);
  await authority();
  log.notice(`nodes with a token get certificates of this server, signed with ${caKey}`);
  const client: ClientContext = {
    security: transport,
    component: "server",
    sys,
    timeoutMs: redeemTimeoutMs,
    log,
  };
  return createEnrollment({
    authorities: () => transport.ca,
    authority,
    redeem: ({ id, secret, node, address }) => redeemToken(client, replicas, { id, secret, node, address }),
    clients: () => readClients(transport.clientCertDir),
    log,
  });
}

/** The certificates of shared keys by which servers verify credentials. */
async function readClients(dir: string): Promise<Record<string, string>> {
  if (dir === "") return {};
  const names = (await readdir(dir)).filter((name) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.crt$/.test(name));
  const texts = await Promise.all(names.map((name) => readFile(join(dir, name), "utf8")));
  return Object.fromEntries(names.map((name, i) => [name, texts[i]!]));
}
