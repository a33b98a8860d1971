import { defineCommand } from "citty";
import { printJson } from "../../ui/json.ts";
import { DAOS_VERSION, daosctlRevision, daosctlVersion } from "../../version.ts";

const name = "DAOS Control Server";

export const command = defineCommand({
  meta: { name: "version", description: "Print daos_server version" },
  args: { json: { type: "boolean", alias: "j", description: "Print the version as JSON" } },
  run({ args }) {
    if (args.json) {
      printJson({ name, version: DAOS_VERSION, revision: daosctlRevision, release: true }, null);
    } else {
      console.log(`${name} version ${DAOS_VERSION} (daosctl ${daosctlVersion})`);
    }
  },
});
