import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { nvmeReset, outcomeDocument, outcomeError, outcomeText } from "../../storage/nvme.ts";
import { flag, hostOptions, nvmeOptions } from "../../storage/options.ts";

export const command = defineCommand({
  meta: { name: "reset", description: "Reset NVMe SSDs for use by OS" },
  args: {
    ...hostOptions,
    ...nvmeOptions,
    "release-hugepages": { type: "boolean", description: "Give free huge pages back as well" },
  },
  async run({ args }) {
    const dryRun = flag(args, "dry-run");
    const outcome = await nvmeReset(args);
    const error = dryRun ? undefined : outcomeError(outcome, "nvme reset");
    if (flag(args, "json")) printJson(outcomeDocument(outcome), error);
    else console.log(outcomeText(outcome, dryRun));
    if (error !== undefined) throw error;
  },
});
