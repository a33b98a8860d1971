import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { afterwards, consent, dryRunOption, forceOption, msOptions, planJson, planText } from "./options.ts";

export const command = defineCommand({
  meta: { name: "restore", description: "Restore the management service from a backup" },
  args: {
    ...msOptions,
    ...forceOption,
    ...dryRunOption,
    path: {
      type: "string",
      alias: "p",
      required: true,
      description: "Path to snapshot file",
      valueHint: "path",
    },
  },
  async run({ args }) {
    const json = (args as Record<string, unknown>)["json"] === true;
    const { openReplicaTarget } = await import("../../../daemon/ms/target.ts");
    const { planRestore } = await import("../../../daemon/ms/replace.ts");
    const plan = await planRestore(await openReplicaTarget(args.config), args.path);
    const { createdAt, path } = plan.backup;
    const text = `This makes what the backup ${path} of ${createdAt} holds the whole management service:
${planText(plan)}
Ranks and pools made after the backup are unknown to the system then. The database of this replica is kept aside;
the servers of all other replicas must be stopped.`;
    if (args["dry-run"]) {
      if (json) printJson({ dry_run: true, ...planJson(plan) });
      else console.log(text);
      return;
    }
    await consent(text, args.force === true);
    const { old, at } = await plan.make();
    if (json) printJson({ dry_run: false, ...planJson(plan), at, old });
    else {
      const kept = old === "" ? "" : `What was here before is kept in ${old}\n`;
      console.log(`Successfully restored management service\n${kept}${afterwards}`);
    }
  },
});
