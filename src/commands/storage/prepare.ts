import { defineCommand } from "citty";
import { printJson } from "../../ui/json.ts";
import { chosenKinds, forEachKind, kindArgument } from "./kinds.ts";
import { nvmePrepare, outcomeDocument, outcomeError, outcomeText } from "./nvme.ts";
import { flag, hostOptions, nvmeOptions, socketOption } from "./options.ts";
import { scmPrepare } from "./scm.ts";
import { namespacesDocument, namespaceTable } from "./tables.ts";

const { "pci-allow-list": allowList, ...otherNvmeOptions } = nvmeOptions;

export const command = defineCommand({
  meta: { name: "prepare", description: "Make PMem and NVMe devices ready for DAOS" },
  args: {
    ...kindArgument,
    ...hostOptions,
    ...otherNvmeOptions,
    "pci-allow-list": { ...allowList, type: "string" },
    hugepages: {
      type: "string",
      alias: "p",
      description: "Number of huge pages to allocate (default: 1024)",
      valueHint: "number",
    },
    ...socketOption,
    "scm-ns-per-socket": {
      type: "string",
      alias: "S",
      description: "Number of PMem namespaces to create per socket (default: 1)",
      valueHint: "number",
    },
    force: { type: "boolean", alias: "f", description: "Do not ask for confirmation" },
  },
  async run({ args }) {
    const json = flag(args, "json");
    const dryRun = flag(args, "dry-run");
    const errors: Error[] = [];
    const done = await forEachKind(chosenKinds(args.kind), async (kind) => {
      if (kind === "nvme") {
        const outcome = await nvmePrepare(args);
        const error = dryRun ? undefined : outcomeError(outcome, "nvme prepare");
        if (error !== undefined) errors.push(error);
        if (!json) console.log(outcomeText(outcome, dryRun));
        return outcomeDocument(outcome);
      }
      if (dryRun) throw new Error("what 'scm prepare' does depends on each step; there is no dry run of it");
      const { message, rebootRequired, namespaces } = await scmPrepare(args);
      if (!json) console.log(message === "" ? namespaceTable(namespaces) : message);
      return { namespaces: namespacesDocument(namespaces), reboot_required: rebootRequired };
    });
    if (json) printJson(done, errors[0]);
    if (errors[0] !== undefined) throw errors[0];
  },
});
