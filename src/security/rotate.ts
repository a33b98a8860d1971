import { readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeFileDurable } from "../files/durable.ts";
import { exists } from "../files/exists.ts";
import { authorityCertificate, keyPair, loadAuthority, readKey } from "./authority.ts";
import {
  type CertificateAuthority,
  type CertificateFiles,
  type CertificateOptions,
  certify,
  keyPemOf,
  makeAuthority,
  makeKeys,
  pemOf,
  type Validity,
} from "./certificates.ts";
import { factsOf } from "./facts.ts";
import { parseAll, readPem } from "./load.ts";
import type { Component } from "./roles.ts";

/** What a command does, or would do: one line a file. */
export interface PlannedFile {
  readonly path: string;
  readonly action: "write" | "replace" | "remove";
  readonly what: string;
}

export interface ChangeOptions extends Validity {
  /** Say what would be done, and do nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface RenewOptions extends ChangeOptions {
  /** A new private key too; without it the certificate alone is replaced, which no peer needs to know of. */
  readonly newKey?: boolean | undefined;
  /** In place of the names it had. */
  readonly hostNames?: readonly string[] | undefined;
}

const components: readonly Component[] = ["server", "agent", "admin"];

/** Replaces certificates of a set by new ones of its CA. @throws Fault 901 to 903 */
export async function renewCertificates(
  files: CertificateFiles,
  which: readonly Component[],
  options: RenewOptions = {},
): Promise<PlannedFile[]> {
  const authority = await loadAuthority(files.caCert, files.caKey);
  return reissue(files, authority, which, options);
}

async function reissue(
  files: CertificateFiles,
  authority: CertificateAuthority,
  which: readonly Component[],
  options: RenewOptions,
): Promise<PlannedFile[]> {
  const plan: PlannedFile[] = [];
  const put = async (path: string, what: string, text: () => Promise<string> | string, mode: number) => {
    plan.push({ path, what, action: (await exists(path)) ? "replace" : "write" });
    if (options.dryRun !== true) await writeFileDurable(path, await text(), mode);
  };
  for (const component of which) {
    const old = await readFile(files.cert[component], "utf8").catch(() => undefined);
    const facts = old === undefined ? undefined : factsOf(parseAll(files.cert[component], old)[0]!);
    const keys =
      options.newKey === true
        ? await makeKeys()
        : await keyPair(readKey(files.key[component], await readPem(files.key[component], 0o440)));
    const issue: CertificateOptions = {
      notBefore: options.notBefore,
      days: options.days,
      node: facts?.node,
      hostNames: options.hostNames ?? facts?.hostNames.map((name) => name.replace(/^[^:]*:/, "")),
    };
    const certPem = await certify(authority, component, keys.publicKey, issue);
    const copy = join(files.clientCertDir, `${component}.crt`);
    // Servers know a signer's key before the signer uses it, and both while agents change over.
    if (component !== "server" && (await exists(files.clientCertDir))) {
      if (options.newKey === true && old !== undefined) {
        const previous = join(files.clientCertDir, `${component}.previous.crt`);
        await put(previous, `certificate of ${component} so far`, () => old, 0o644);
      }
      await put(copy, `certificate of ${component}, for servers`, () => certPem, 0o644);
    }
    if (options.newKey === true) {
      await put(files.key[component], `key of ${component}`, () => keyPemOf(keys), 0o400);
    }
    await put(files.cert[component], `certificate of ${component}`, () => certPem, 0o644);
  }
  return plan;
}

/** How far the change to a new CA is. */
export type RotationState =
  | "idle"
  /** Both CAs are trusted, the old one still signs. */
  | "begun"
  /** The certificates are of the new CA; the old one is trusted still. */
  | "issued";

function nextKeyPath(files: CertificateFiles): string {
  return join(dirname(files.caKey), "daosCA.next.key");
}

function oldKeyPath(files: CertificateFiles): string {
  return join(dirname(files.caKey), "daosCA.old.key");
}

export async function rotationState(files: CertificateFiles): Promise<RotationState> {
  if (await exists(nextKeyPath(files))) return "begun";
  const cas = parseAll(files.caCert, await readFile(files.caCert, "utf8"));
  return cas.length > 1 ? "issued" : "idle";
}

async function requireState(files: CertificateFiles, wanted: RotationState): Promise<void> {
  const state = await rotationState(files);
  if (state === wanted) return;
  const next = { idle: "begin", begun: "issue", issued: "finish" }[state];
  throw new Error(`the CA of ${files.home} is ${state}: the next step is "rotate-ca ${next}"`);
}

/** Makes a new CA; the CA file then holds both, for every node to trust before anything is signed by the new one. */
export async function beginRotation(
  files: CertificateFiles,
  options: ChangeOptions = {},
): Promise<PlannedFile[]> {
  await requireState(files, "idle");
  const bundle = await readPem(files.caCert, 0o664);
  const current = await loadAuthority(files.caCert, files.caKey);
  const plan: PlannedFile[] = [
    { path: nextKeyPath(files), action: "write", what: "key of the new CA" },
    { path: files.caCert, action: "replace", what: "both CAs" },
  ];
  if (options.dryRun === true) return plan;
  const commonName = nextName(factsOf(authorityCertificate(current)).commonName);
  const next = await makeAuthority({ notBefore: options.notBefore, days: options.days, commonName });
  // The key last: after a crash in between, finishing takes the bundle back to the CA whose key there is.
  await writeFileDurable(files.caCert, `${bundle.trimEnd()}\n${pemOf(next.cert)}`, 0o644);
  try {
    await writeFileDurable(nextKeyPath(files), await keyPemOf(next.keys), 0o400);
  } catch (error) {
    await writeFileDurable(files.caCert, bundle, 0o644);
    throw error;
  }
  return plan;
}

/** "DAOS CA" -> "DAOS CA 2" -> "DAOS CA 3": two CAs of one name make chains that are hard to tell apart. */
function nextName(name: string): string {
  const numbered = /^(.*) (\d{1,6})$/.exec(name);
  return numbered === null ? `${name} 2` : `${numbered[1]} ${Number(numbered[2]) + 1}`;
}

/** Signs all certificates anew with the new CA, which is the CA from then on. Keys stay. */
export async function issueRotation(
  files: CertificateFiles,
  options: ChangeOptions = {},
): Promise<PlannedFile[]> {
  await requireState(files, "begun");
  const next = await loadAuthority(files.caCert, nextKeyPath(files));
  const present: Component[] = [];
  for (const component of components) if (await exists(files.key[component])) present.push(component);
  const plan = await reissue(files, next, present, options);
  plan.push(
    { path: oldKeyPath(files), action: "write", what: "key of the old CA" },
    { path: files.caKey, action: "replace", what: "key of the new CA" },
  );
  if (options.dryRun === true) return plan;
  // A crash between the two leaves the state "begun": the step is done again, with the new key in place already.
  if (!(await exists(oldKeyPath(files)))) await rename(files.caKey, oldKeyPath(files));
  await rename(nextKeyPath(files), files.caKey);
  return plan;
}

/** Ends the trust in the old CA, once every node has its certificate of the new one. */
export async function finishRotation(
  files: CertificateFiles,
  options: ChangeOptions = {},
): Promise<PlannedFile[]> {
  await requireState(files, "issued");
  const authority = await loadAuthority(files.caCert, files.caKey);
  const plan: PlannedFile[] = [
    { path: files.caCert, action: "replace", what: "the new CA alone" },
    { path: oldKeyPath(files), action: "remove", what: "key of the old CA" },
  ];
  if (options.dryRun === true) return plan;
  await writeFileDurable(files.caCert, pemOf(authority.cert), 0o644);
  await rm(oldKeyPath(files), { force: true });
  return plan;
}
