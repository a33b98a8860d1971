import { defineCommand } from "citty";
import type { CertificateFiles } from "../../security/certificates.ts";
import { findCertificates } from "../../security/folder.ts";
import {
  beginRotation,
  type ChangeOptions,
  finishRotation,
  issueRotation,
  type PlannedFile,
  rotationState,
} from "../../security/rotate.ts";
import { answer, daysFlag, daysOf, dryRunFlag, jsonFlag, reportPlan } from "./options.ts";

type Step = (files: CertificateFiles, options: ChangeOptions) => Promise<PlannedFile[]>;

const folder = {
  type: "positional",
  required: true,
  description: "Folder that holds daosCA",
} as const;

/** A step, and what has to be done by hand before the next. */
function step(name: string, description: string, run: Step, then: string) {
  return defineCommand({
    meta: { name, description },
    args: { ...jsonFlag, ...daysFlag, ...dryRunFlag, folder },
    async run({ args }) {
      const files = await findCertificates(args.folder);
      reportPlan(await run(files, { days: daysOf(args.days), dryRun: args["dry-run"] }), args);
      if (args.json !== true && args["dry-run"] !== true) console.log(then);
    },
  });
}

const status = defineCommand({
  meta: { name: "status", description: "Say how far the change is" },
  args: { ...jsonFlag, folder },
  async run({ args }) {
    const state = await rotationState(await findCertificates(args.folder));
    const next = { idle: "begin", begun: "issue", issued: "finish" }[state];
    answer(args, { state, next }, [`${state}; the next step is "rotate-ca ${next}"`]);
  },
});

const subCommands = {
  begin: () =>
    step(
      "begin",
      "1. Make a new CA; the CA file then holds the old and the new one",
      beginRotation,
      "Copy certs/daosCA.crt to every node. Servers and agents read it by themselves within 10 s, or on SIGHUP.",
    ),
  issue: () =>
    step(
      "issue",
      "2. Sign all certificates with the new CA, for the same keys",
      issueRotation,
      "Copy the .crt files to their nodes and the folder clients to the servers.",
    ),
  finish: () =>
    step(
      "finish",
      "3. Trust the new CA alone",
      finishRotation,
      "Copy certs/daosCA.crt to every node: who still shows a certificate of the old CA is refused from then on.",
    ),
  status: () => status,
};

export const command = defineCommand({
  meta: {
    name: "rotate-ca",
    description: "Change to a new CA in three steps without an outage; both are trusted in between",
  },
  subCommands,
});
