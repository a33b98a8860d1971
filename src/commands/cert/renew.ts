import { defineCommand } from "citty";
import { requireHostName } from "../../security/certificates.ts";
import { findCertificates } from "../../security/folder.ts";
import { renewCertificates } from "../../security/rotate.ts";
import { componentOf, daysFlag, daysOf, dryRunFlag, jsonFlag, listOf, reportPlan } from "./options.ts";

export const command = defineCommand({
  meta: { name: "renew", description: "Replace certificates by new ones of the same CA, for the same keys" },
  args: {
    ...jsonFlag,
    ...daysFlag,
    ...dryRunFlag,
    folder: { type: "positional", required: true, description: "Folder that holds daosCA" },
    components: {
      type: "positional",
      required: false,
      description: "Which of server, agent and admin (default: all)",
      valueHint: "component...",
    },
    "new-key": { type: "boolean", description: "Make new private keys too" },
    host: {
      type: "string",
      description: "Host names and addresses, in place of those it had; commas between them",
      valueHint: "list",
    },
  },
  async run({ args }) {
    const files = await findCertificates(args.folder);
    const asked = args._.slice(1).map(componentOf);
    const which = asked.length > 0 ? asked : (["server", "agent", "admin"] as const);
    const plan = await renewCertificates(files, which, {
      days: daysOf(args.days),
      dryRun: args["dry-run"],
      newKey: args["new-key"],
      hostNames: args.host === undefined ? undefined : listOf(args.host).map(requireHostName),
    });
    reportPlan(plan, args);
  },
});
