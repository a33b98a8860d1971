import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { nvmePrepare, outcomeDocument, outcomeError, outcomeText } from "../../storage/nvme.ts";
import { flag, hostOptions, nvmeOptions } from "../../storage/options.ts";

export const command = defineCommand({
  meta: { name: "prepare", description: "Prepare NVMe SSDs for use by DAOS" },
  args: {
    ...hostOptions,
    ...nvmeOptions,
    hugepages: {
      type: "string",
      alias: "p",
      description: "Number of huge pages to allocate (default: 1024)",
      valueHint: "number",
    },
  },
  async run({ args }) {
    const dryRun = flag(args, "dry-run");
    const outcome = await nvmePrepare(args);
    const error = dryRun ? undefined : outcomeError(outcome, "nvme prepare");
    if (flag(args, "json")) printJson(outcomeDocument(outcome), error);
    else console.log(outcomeText(outcome, dryRun));
    if (error !== undefined) throw error;
  },
});
