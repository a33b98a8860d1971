import { defineCommand } from "citty";
import { printJson } from "../../ui/json.ts";
import { DAOS_VERSION, daosctlRevision, daosctlVersion } from "../../version.ts";

const name = "DAOS Agent";

export const command = defineCommand({
  meta: { name: "version", description: "Print daos_agent version" },
  run({ args }) {
    if ((args as { json?: boolean }).json) {
      printJson({ name, version: DAOS_VERSION, revision: daosctlRevision, release: true }, null);
    } else {
      console.log(`${name} version ${DAOS_VERSION} (daosctl ${daosctlVersion})`);
    }
  },
});
