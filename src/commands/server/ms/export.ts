import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { msOptions, summaryJson, summaryText } from "./options.ts";

export const command = defineCommand({
  meta: { name: "export", description: "Write a snapshot that DAOS 2.6.0's own ms restore accepts" },
  args: {
    ...msOptions,
    dir: {
      type: "positional",
      required: true,
      description: "Folder that the snapshot's folder is made in",
      valueHint: "folder",
    },
  },
  async run({ args }) {
    const { openReplicaTarget } = await import("../../../daemon/ms/target.ts");
    const { exportSnapshot } = await import("../../../daemon/ms/raft.ts");
    const written = await exportSnapshot(await openReplicaTarget(args.config), args.dir);
    if ((args as Record<string, unknown>)["json"] === true)
      printJson({ path: written.path, ...summaryJson(written) });
    else
      console.log(
        `${written.path}: ${summaryText(written)}\nWith 2.6.0: daos_server ms restore --path ${written.path}`,
      );
  },
});
