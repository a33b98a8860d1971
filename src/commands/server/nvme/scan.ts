import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { nvmeScan } from "../../storage/nvme.ts";
import { flag, hostOptions } from "../../storage/options.ts";
import { controllersDocument, controllerTable } from "../../storage/tables.ts";

export const command = defineCommand({
  meta: { name: "scan", description: "Scan NVMe SSDs" },
  args: {
    ...hostOptions,
    "disable-vmd": { type: "boolean", description: "Disable VMD-aware scan" },
    "skip-prep": { type: "boolean", description: "Skip preparation of devices during scan" },
  },
  async run({ args }) {
    const json = flag(args, "json");
    if (!json) console.log("Scan locally-attached NVMe storage...");
    const { controllers, notes } = await nvmeScan(args);
    for (const note of notes) console.error(`NOTICE: ${note}`);
    if (json) printJson(controllersDocument(controllers));
    else console.log(controllerTable(controllers));
  },
});
