import { defineCommand } from "citty";
import { DAOS_VERSION, daosctlRevision, daosctlVersion } from "../../version.ts";
import { runDmg } from "./session.ts";

const name = "DAOS Admin Tool";
/** Go's zero time: what 2.6 prints when a build does not say when it was made. Ours do not, to be reproducible. */
const noBuildTime = "0001-01-01T00:00:00Z";

export const command = defineCommand({
  meta: { name: "version", description: "Print dmg version" },
  run: ({ args }) =>
    runDmg(args, {}, async () => ({
      text: `${name} version ${DAOS_VERSION} (daosctl ${daosctlVersion})`,
      response: {
        name,
        version: DAOS_VERSION,
        revision: daosctlRevision === "unbuilt" ? undefined : daosctlRevision,
        release: true,
        build_time: noBuildTime,
      },
    })),
});
