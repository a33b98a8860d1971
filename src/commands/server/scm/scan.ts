import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { flag, hostOptions, socketOption } from "../../storage/options.ts";
import { scmScan } from "../../storage/scm.ts";
import { modulesDocument, moduleTable, namespacesDocument, namespaceTable } from "../../storage/tables.ts";

export const command = defineCommand({
  meta: { name: "scan", description: "Scan SCM devices" },
  args: { ...hostOptions, ...socketOption },
  async run({ args }) {
    const json = flag(args, "json");
    if (!json) console.log("Scanning locally-attached PMem storage...");
    const { modules, namespaces } = await scmScan(args);
    if (json) {
      printJson(namespaces.length > 0 ? namespacesDocument(namespaces) : modulesDocument(modules));
      return;
    }
    console.log(namespaces.length > 0 ? namespaceTable(namespaces) : moduleTable(modules));
  },
});
