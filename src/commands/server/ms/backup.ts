import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { msOptions } from "./options.ts";

export const command = defineCommand({
  meta: { name: "backup", description: "Back the management service up, or check a backup" },
  args: {
    ...msOptions,
    verify: { type: "string", description: "Check this backup instead; needs no server", valueHint: "path" },
  },
  async run({ args }) {
    const json = (args as Record<string, unknown>)["json"] === true;
    if (args.verify !== undefined) {
      const { checkBackup } = await import("../../../daemon/ms/backup.ts");
      const { path, system, createdAt, dataVersion, ranks, pools } = await checkBackup(args.verify);
      if (json) printJson({ path, system, created_at: createdAt, data_version: dataVersion, ranks, pools });
      else {
        console.log(`${path} is whole: system ${system}, made ${createdAt}, version ${dataVersion}`);
        console.log(`  ${ranks.length} ranks, ${pools.length} pools`);
      }
      return;
    }
    const { openReplicaTarget } = await import("../../../daemon/ms/target.ts");
    const { makeBackup } = await import("../../../daemon/ms/backup.ts");
    const made = await makeBackup(await openReplicaTarget(args.config));
    const { path, sizeBytes, members, pools, dataVersion, online } = made;
    if (json) printJson({ path, size: sizeBytes, members, pools, data_version: dataVersion, online });
    else {
      console.log(`${path}: ${members} ranks, ${pools} pools, version ${dataVersion}, ${sizeBytes} bytes`);
      if (!online) console.log("The server does not run: this is what the disk of this replica holds.");
    }
  },
});
