import { defineCommand } from "citty";
import { printJson } from "../../ui/json.ts";
import { chosenKinds, forEachKind, kindArgument } from "./kinds.ts";
import { nvmeReset, outcomeDocument, outcomeError, outcomeText } from "./nvme.ts";
import { flag, hostOptions, nvmeOptions, socketOption } from "./options.ts";
import { scmReset } from "./scm.ts";

const { "pci-allow-list": allowList, ...otherNvmeOptions } = nvmeOptions;

export const command = defineCommand({
  meta: { name: "reset", description: "Give PMem and NVMe devices back to the operating system" },
  args: {
    ...kindArgument,
    ...hostOptions,
    ...otherNvmeOptions,
    "pci-allow-list": { ...allowList, type: "string" },
    "release-hugepages": { type: "boolean", description: "Give free huge pages back as well" },
    ...socketOption,
    force: { type: "boolean", alias: "f", description: "Do not ask for confirmation" },
  },
  async run({ args }) {
    const json = flag(args, "json");
    const dryRun = flag(args, "dry-run");
    const errors: Error[] = [];
    const done = await forEachKind(chosenKinds(args.kind), async (kind) => {
      if (kind === "nvme") {
        const outcome = await nvmeReset(args);
        const error = dryRun ? undefined : outcomeError(outcome, "nvme reset");
        if (error !== undefined) errors.push(error);
        if (!json) console.log(outcomeText(outcome, dryRun));
        return outcomeDocument(outcome);
      }
      if (dryRun) throw new Error("what 'scm reset' does depends on each step; there is no dry run of it");
      const { message, rebootRequired } = await scmReset(args);
      if (!json) console.log(message);
      return { message, reboot_required: rebootRequired };
    });
    if (json) printJson(done, errors[0]);
    if (errors[0] !== undefined) throw errors[0];
  },
});
