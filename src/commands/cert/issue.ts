import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { defineCommand } from "citty";
import { writeFileDurable } from "../../files/durable.ts";
import { exists } from "../../files/exists.ts";
import { keyPair, loadAuthority, readKey } from "../../security/authority.ts";
import { certify, keyPemOf, makeKeys, requireHostName } from "../../security/certificates.ts";
import { inspectCertificate } from "../../security/facts.ts";
import { findCertificates } from "../../security/folder.ts";
import { maxKeyMode, readPem } from "../../security/load.ts";
import { requestedKey } from "../../security/request.ts";
import type { PlannedFile } from "../../security/rotate.ts";
import { componentOf, daysFlag, daysOf, dryRunFlag, jsonFlag, listOf, reportPlan } from "./options.ts";

export const command = defineCommand({
  meta: {
    name: "issue",
    description: "Sign a certificate for a server, agent or admin: for a new key, a given one, or a request",
  },
  args: {
    ...jsonFlag,
    ...daysFlag,
    ...dryRunFlag,
    component: {
      type: "positional",
      required: true,
      description: "Whom it is for",
      valueHint: "server|agent|admin",
    },
    dir: {
      type: "string",
      description: "Folder that holds daosCA, made by cert init or DAOS's script",
      valueHint: "folder",
    },
    "ca-cert": {
      type: "string",
      description: "CA certificate, in place of that below --dir",
      valueHint: "file",
    },
    "ca-key": { type: "string", description: "Its key", valueHint: "file" },
    out: { type: "string", description: "Folder the files are put into", valueHint: "folder", default: "." },
    host: {
      type: "string",
      description: "Host names and addresses it also speaks for, commas between them",
      valueHint: "list",
    },
    node: {
      type: "string",
      description: "The one node that has its key: servers need no copy of the certificate",
      valueHint: "name",
    },
    csr: { type: "string", description: "Sign this request: the key stays where it is", valueHint: "file" },
    key: { type: "string", description: "Certify this private key in place of a new one", valueHint: "file" },
    force: { type: "boolean", description: "Replace files that are there" },
  },
  async run({ args }) {
    const component = componentOf(args.component);
    const hostNames = listOf(args.host).map(requireHostName);
    if (args.csr !== undefined && args.key !== undefined) throw new Error("give --csr or --key, not both");
    const given = args["ca-cert"] !== undefined || args["ca-key"] !== undefined;
    if (given === (args.dir !== undefined)) throw new Error("give --dir, or --ca-cert and --ca-key");
    if (given && (args["ca-cert"] === undefined || args["ca-key"] === undefined)) {
      throw new Error("--ca-cert and --ca-key belong together");
    }
    const files = given
      ? { caCert: args["ca-cert"]!, caKey: args["ca-key"]! }
      : await findCertificates(args.dir!);
    const authority = await loadAuthority(files.caCert, files.caKey);
    const certPath = join(args.out, `${component}.crt`);
    const keyPath = join(args.out, `${component}.key`);
    const dryRun = args["dry-run"] === true;
    const plan: PlannedFile[] = [];
    const put = async (path: string, what: string, text: () => Promise<string>, mode: number) => {
      const there = await exists(path);
      if (there && args.force !== true && !dryRun)
        throw new Error(`${path} already exists: --force replaces it`);
      plan.push({ path, what, action: there ? "replace" : "write" });
      if (!dryRun) await writeFileDurable(path, await text(), mode);
    };
    if (args.force !== true && !dryRun && (await exists(certPath)))
      throw new Error(`${certPath} already exists: --force replaces it`);

    let publicKey: CryptoKey;
    if (args.csr !== undefined) publicKey = await requestedKey(await readFile(args.csr, "utf8"));
    else if (args.key !== undefined) {
      const pem = await readPem(args.key, maxKeyMode[component]);
      publicKey = (await keyPair(readKey(args.key, pem))).publicKey;
    } else {
      const keys = await makeKeys();
      publicKey = keys.publicKey;
      await put(keyPath, `key of ${component}`, () => keyPemOf(keys), maxKeyMode[component]);
    }
    const pem = await certify(authority, component, publicKey, {
      days: daysOf(args.days),
      hostNames,
      node: args.node,
    });
    const end = inspectCertificate(certPath, pem).notAfter.toISOString();
    await put(certPath, `certificate of ${component}, until ${end}`, () => Promise.resolve(pem), 0o644);
    reportPlan(plan, args);
  },
});
