import { defineCommand } from "citty";
import { type Json, printJson } from "../../ui/json.ts";
import { chosenKinds, forEachKind, kindArgument } from "./kinds.ts";
import { nvmeScan } from "./nvme.ts";
import { flag, hostOptions, socketOption } from "./options.ts";
import { scmScan } from "./scm.ts";
import {
  controllersDocument,
  controllerTable,
  modulesDocument,
  moduleTable,
  namespacesDocument,
  namespaceTable,
} from "./tables.ts";

export const command = defineCommand({
  meta: { name: "scan", description: "Show the PMem and NVMe devices of this host" },
  args: {
    ...kindArgument,
    ...hostOptions,
    ...socketOption,
    "disable-vmd": { type: "boolean", description: "Do not look behind VMDs" },
    "skip-prep": { type: "boolean", description: "Do not hand devices over for the scan" },
  },
  async run({ args }) {
    const json = flag(args, "json");
    const done = await forEachKind(chosenKinds(args.kind), async (kind): Promise<Json> => {
      if (kind === "nvme") {
        const { controllers, notes } = await nvmeScan(args);
        for (const note of notes) console.error(`NOTICE: ${note}`);
        if (!json) console.log(controllerTable(controllers));
        return { controllers: controllersDocument(controllers), notes };
      }
      const { modules, namespaces } = await scmScan(args);
      if (!json) console.log(namespaces.length > 0 ? namespaceTable(namespaces) : moduleTable(modules));
      return { modules: modulesDocument(modules), namespaces: namespacesDocument(namespaces) };
    });
    if (json) printJson(done);
  },
});
