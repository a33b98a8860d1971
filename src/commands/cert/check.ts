import { defineCommand } from "citty";
import { exists } from "../../files/exists.ts";
import { checkAuthorityKey, checkCertificateFiles } from "../../security/check.ts";
import { findCertificates } from "../../security/folder.ts";
import type { Component } from "../../security/roles.ts";
import type { TransportFiles } from "../../security/tls.ts";
import { printJson } from "../../ui/json.ts";
import { jsonFlag } from "./options.ts";

interface Subject {
  /** As it is shown: the configuration file, or the component. */
  readonly name: string;
  readonly role: Component;
  readonly files: TransportFiles;
}

export const command = defineCommand({
  meta: {
    name: "check",
    description:
      "Verify certificates as their peers will: files, pairs, CA, names, uses, dates; tells every problem",
  },
  args: {
    ...jsonFlag,
    folder: {
      type: "positional",
      required: false,
      description: "Folder that holds daosCA: the whole set is checked",
    },
    server: { type: "string", description: "Check what this daos_server.yml names", valueHint: "file" },
    agent: { type: "string", description: "Check what this daos_agent.yml names", valueHint: "file" },
    control: { type: "string", description: "Check what this daos_control.yml names", valueHint: "file" },
  },
  async run({ args }) {
    const subjects: Subject[] = [];
    const results: { name: string; problems: readonly string[]; warnings: readonly string[] }[] = [];
    if (args.folder !== undefined) {
      const set = await findCertificates(args.folder);
      for (const role of ["server", "agent", "admin"] as const) {
        const files = {
          allowInsecure: false,
          caCert: set.caCert,
          cert: set.cert[role],
          key: set.key[role],
          clientCertDir: set.clientCertDir,
        };
        subjects.push({ name: role, role, files });
      }
      if (await exists(set.caKey)) {
        results.push({ name: "CA key", ...(await checkAuthorityKey(set.caCert, set.caKey)) });
      }
    }
    subjects.push(...(await configured(args)));
    if (subjects.length === 0)
      throw new Error("nothing to check: give a folder, --server, --agent or --control");
    for (const { name, role, files } of subjects) {
      results.push({ name, ...(await checkCertificateFiles(files, role)) });
    }

    const count = results.reduce((sum, { problems }) => sum + problems.length, 0);
    const error = count === 0 ? undefined : new Error(`${count} problem${count === 1 ? "" : "s"} found`);
    if (args.json === true) {
      const checked = results.map(({ name, problems, warnings }) => ({
        name,
        problems: [...problems],
        warnings: [...warnings],
      }));
      printJson({ checked }, error);
    } else {
      for (const { name, problems, warnings } of results) {
        if (problems.length + warnings.length === 0) console.log(`${name}: good`);
        for (const problem of problems) console.log(`${name}: PROBLEM: ${problem}`);
        for (const warning of warnings) console.log(`${name}: warning: ${warning}`);
      }
    }
    if (error !== undefined) throw error;
  },
});

async function configured(args: {
  readonly server?: string;
  readonly agent?: string;
  readonly control?: string;
}): Promise<Subject[]> {
  const subjects: Subject[] = [];
  if (args.server !== undefined) {
    const { loadServerConfig } = await import("../../config/server.ts");
    const { transportConfig: files } = await loadServerConfig(args.server);
    subjects.push({ name: args.server, role: "server", files });
  }
  if (args.agent !== undefined) {
    const { loadAgentConfig } = await import("../../config/agent.ts");
    const { transportConfig: files } = await loadAgentConfig(args.agent);
    subjects.push({ name: args.agent, role: "agent", files });
  }
  if (args.control !== undefined) {
    const { loadControlConfig } = await import("../../config/control.ts");
    const { transportConfig: files } = await loadControlConfig(args.control);
    subjects.push({ name: args.control, role: "admin", files });
  }
  return subjects;
}
