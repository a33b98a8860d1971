import { mkdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { defineCommand } from "citty";
import { enroll } from "../../client/enrollment.ts";
import { hostAddresses } from "../../client/hostset.ts";
import { errorText } from "../../faults/fault.ts";
import { writeFileDurable } from "../../files/durable.ts";
import { exists } from "../../files/exists.ts";
import { keyPemOf, makeKeys, requireHostName } from "../../security/certificates.ts";
import { inspectCertificate } from "../../security/facts.ts";
import { maxKeyMode } from "../../security/load.ts";
import { makeRequest } from "../../security/request.ts";
import { parseToken } from "../../security/tokens.ts";
import { answer, jsonFlag, listOf } from "./options.ts";

const defaultPort = 10001;
const timeoutMs = 30_000;

export const command = defineCommand({
  meta: {
    name: "join",
    description:
      "Get this node's certificate from a running system with a token; the key is made here and stays here",
  },
  args: {
    ...jsonFlag,
    token: {
      type: "string",
      description: 'The token; "-" reads it from standard input, which keeps it out of the process list',
      valueHint: "token",
    },
    "token-file": { type: "string", description: "File that holds the token", valueHint: "file" },
    server: {
      type: "string",
      description: `Servers that issue certificates, commas between them (port ${defaultPort} unless given)`,
      valueHint: "hosts",
    },
    out: {
      type: "string",
      description: "Folder the files are put into",
      valueHint: "folder",
      default: "/etc/daos/certs",
    },
    node: { type: "string", description: "Name of this node (default: its host name)", valueHint: "name" },
    host: {
      type: "string",
      description: "Host names and addresses to put into the certificate",
      valueHint: "list",
    },
    force: { type: "boolean", description: "Replace files that are there" },
  },
  async run({ args }) {
    const token = parseToken(await readToken(args.token, args["token-file"]));
    const hosts = hostAddresses(listOf(args.server), defaultPort);
    if (hosts.length === 0) throw new Error("give a server that issues certificates: --server HOST");
    const node = requireHostName(args.node ?? hostname().split(".")[0] ?? "");
    const hostNames = listOf(args.host).map(requireHostName);
    // Before the token is used up: whatever would keep its fruit from being kept.
    await mkdir(args.out, { recursive: true, mode: 0o755 });
    if (args.force !== true) {
      for (const name of ["server.crt", "server.key", "agent.crt", "agent.key"]) {
        const path = join(args.out, name);
        if (await exists(path)) throw new Error(`${path} already exists: --force replaces it`);
      }
    }
    const probe = join(args.out, ".daosctl-join");
    await writeFileDurable(probe, "", 0o600);
    await rm(probe);

    const keys = await makeKeys();
    const request = await makeRequest(keys);
    const asked = { token, request, node, hostNames, timeoutMs };
    const got = await firstOf(hosts, (host) => enroll(host, asked));
    const { component, certificate, authorities, clients } = got;
    const files = {
      ca: join(args.out, "daosCA.crt"),
      cert: join(args.out, `${component}.crt`),
      key: join(args.out, `${component}.key`),
    };
    await writeFileDurable(files.key, await keyPemOf(keys), maxKeyMode[component]);
    await writeFileDurable(files.ca, authorities, 0o644);
    await writeFileDurable(files.cert, certificate, 0o644);
    const clientDir = join(args.out, "clients");
    if (component === "server") await mkdir(clientDir, { recursive: true, mode: 0o755 });
    for (const [name, pem] of Object.entries(clients))
      await writeFileDurable(join(clientDir, name), pem, 0o644);
    const until = inspectCertificate(files.cert, certificate).notAfter.toISOString();
    answer(args, { component, node, ...files, notAfter: until }, [
      `This node (${node}) is ${component === "agent" ? "an agent" : "a server"} of the system until ${until}:`,
      `  ${files.cert}`,
      `  ${files.key}`,
      `  ${files.ca}`,
    ]);
  },
});

async function readToken(given: string | undefined, file: string | undefined): Promise<string> {
  if (file !== undefined) return readFile(file, "utf8");
  if (given === "-") return Bun.stdin.text();
  if (given === undefined) throw new Error("give the token: --token-file FILE, --token - or --token TOKEN");
  return given;
}

/** One server after the other: another may be the one that can be reached, or that has the CA's key. */
async function firstOf<T>(hosts: readonly string[], ask: (host: string) => Promise<T>): Promise<T> {
  const problems: string[] = [];
  for (const host of hosts) {
    try {
      return await ask(host);
    } catch (error) {
      problems.push(`${host}: ${errorText(error)}`);
    }
  }
  throw new Error(`no server issued a certificate: ${problems.join("; ")}`);
}
