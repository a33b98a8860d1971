import type { X509Certificate } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorText, Fault } from "../faults/fault.ts";
import { readKey } from "./authority.ts";
import { commonNameOf, expiryWarning } from "./facts.ts";
import { isCurrent, isSignedBy, maxCertMode, maxKeyMode, parseAll, readPem } from "./load.ts";
import type { Component } from "./roles.ts";
import type { TransportFiles } from "./tls.ts";

/** What is wrong, or soon will be, with a set of certificate files. */
export interface CheckResult {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Extended key usages by object identifier. */
const serverAuth = "1.3.6.1.5.5.7.3.1";
const clientAuth = "1.3.6.1.5.5.7.3.2";

/** RSA keys below this are refused by grpc-go's TLS of today, and by nobody's advice recommended. */
const minKeyBits = 2048;

/**
 * Looks at everything that can keep a component from being understood by its peers, and tells all of it; a start stops
 * at the first. Never throws.
 */
export async function checkCertificateFiles(files: TransportFiles, role: Component): Promise<CheckResult> {
  const problems: string[] = [];
  const warnings: string[] = [];
  const attempt = async <T>(work: () => Promise<T> | T): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      problems.push(words(error));
      return undefined;
    }
  };
  if (files.allowInsecure) {
    return { problems, warnings: ["allow_insecure is set: anybody may call, and read what is said"] };
  }

  const cas =
    (await attempt(async () => parseAll(files.caCert, await readPem(files.caCert, maxCertMode)))) ?? [];
  const chain =
    (await attempt(async () => parseAll(files.cert, await readPem(files.cert, maxCertMode)))) ?? [];
  const key = await attempt(async () => readKey(files.key, await readPem(files.key, maxKeyMode[role])));
  const leaf = chain[0];

  for (const ca of cas) {
    const name = `CA "${commonNameOf(ca)}" in ${files.caCert}`;
    if (!ca.ca) problems.push(`${name} is not the certificate of a CA`);
    const current = isCurrent(ca);
    if (!current && cas.length === 1) problems.push(`${name} ${periodProblem(ca)}`);
    else if (!current) warnings.push(`${name} ${periodProblem(ca)}`);
    else warn(warnings, name, ca);
  }
  if (leaf !== undefined) {
    problems.push(...leafProblems(leaf, files.cert, role));
    if (isCurrent(leaf)) warn(warnings, files.cert, leaf);
    const current = cas.filter((ca) => isCurrent(ca));
    if (cas.length > 0 && !isSignedBy(leaf, current, chain.slice(1))) {
      problems.push(`${files.cert} was not issued by a CA in ${files.caCert} that is valid now`);
    }
    if (key !== undefined && !leaf.checkPrivateKey(key)) {
      problems.push(`${files.key} is not the key of ${files.cert}`);
    }
  }
  if (role === "server") await checkClientFolder(files.clientCertDir ?? "", cas, problems, warnings);
  return { problems, warnings };
}

function leafProblems(leaf: X509Certificate, path: string, role: Component): string[] {
  const problems: string[] = [];
  if (!isCurrent(leaf)) problems.push(`${path} ${periodProblem(leaf)}`);
  const name = commonNameOf(leaf);
  if (name !== role)
    problems.push(
      `${path} bears the name "${name ?? ""}", ${role === "server" ? "a" : "an"} ${role} needs "${role}"`,
    );
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = leaf.publicKey;
  if (type !== "rsa") problems.push(`${path} has a key of type ${type}: DAOS 2.6 works with RSA`);
  else if ((details?.modulusLength ?? 0) < minKeyBits) {
    problems.push(`${path} has a key of ${details?.modulusLength} bits: ${minKeyBits} are the least`);
  }
  const uses = leaf.keyUsage;
  if (uses !== undefined && !uses.includes(clientAuth)) {
    problems.push(`${path} is not made for clients (extended key usage clientAuth)`);
  }
  if (uses !== undefined && role === "server" && !uses.includes(serverAuth)) {
    problems.push(`${path} is not made for servers (extended key usage serverAuth)`);
  }
  return problems;
}

/** Where a server finds the keys that vouch for users: without them no client can open a pool. */
async function checkClientFolder(
  dir: string,
  cas: readonly X509Certificate[],
  problems: string[],
  warnings: string[],
): Promise<void> {
  if (dir === "") {
    problems.push("client_cert_dir is not set: credentials of clients cannot be verified");
    return;
  }
  let names: string[];
  try {
    if (!(await stat(dir)).isDirectory()) throw new Error("it is not a folder");
    names = (await readdir(dir)).filter((name) => name.endsWith(".crt"));
  } catch (error) {
    problems.push(`client_cert_dir ${dir}: ${errorText(error)}`);
    return;
  }
  if (!names.includes("agent.crt")) {
    warnings.push(`${dir} has no agent.crt: only agents with a certificate of their own node are understood`);
  }
  for (const name of names) {
    const path = join(dir, name);
    try {
      const certs = parseAll(path, await readPem(path, maxCertMode));
      if (certs.length > 1) problems.push(`${path} holds more than one certificate`);
      const cert = certs[0]!;
      if (!isCurrent(cert)) problems.push(`${path} ${periodProblem(cert)}`);
      else warn(warnings, path, cert);
      if (cas.length > 0 && !isSignedBy(cert, cas, []))
        problems.push(`${path} was not issued by a CA of this system`);
      if (cert.publicKey.asymmetricKeyType !== "rsa") problems.push(`${path} has no RSA key`);
    } catch (error) {
      problems.push(words(error));
    }
  }
}

/** A CA's key that lies where servers or clients are is one that can be stolen from there. */
export async function checkAuthorityKey(certPath: string, keyPath: string): Promise<CheckResult> {
  try {
    const key = readKey(keyPath, await readPem(keyPath, 0o400));
    const cas = parseAll(certPath, await readFile(certPath, "utf8"));
    const paired = cas.some((ca) => ca.checkPrivateKey(key));
    return { problems: paired ? [] : [`${keyPath} is not the key of a CA in ${certPath}`], warnings: [] };
  } catch (error) {
    return { problems: [words(error)], warnings: [] };
  }
}

function warn(warnings: string[], what: string, cert: X509Certificate): void {
  const text = expiryWarning(what, new Date(cert.validTo));
  if (text !== undefined) warnings.push(text);
}

function periodProblem(cert: X509Certificate): string {
  return Date.now() > Date.parse(cert.validTo)
    ? `has expired on ${new Date(cert.validTo).toISOString()}`
    : `is not valid before ${new Date(cert.validFrom).toISOString()}`;
}

function words(error: unknown): string {
  if (!(error instanceof Fault)) return errorText(error);
  return error.reason === "" ? error.description : `${error.description}: ${error.reason}`;
}
