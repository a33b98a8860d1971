import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { flag, hostOptions, socketOption } from "../../storage/options.ts";
import { scmPrepare } from "../../storage/scm.ts";
import { namespacesDocument, namespaceTable } from "../../storage/tables.ts";

export const command = defineCommand({
  meta: { name: "prepare", description: "Prepare SCM devices so that they can be used with DAOS" },
  args: {
    ...hostOptions,
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
    const { message, namespaces } = await scmPrepare(args);
    if (flag(args, "json")) printJson(namespacesDocument(namespaces));
    else console.log(message === "" ? namespaceTable(namespaces) : message);
  },
});
