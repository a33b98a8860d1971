import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { afterwards, consent, dryRunOption, forceOption, msOptions, planJson, planText } from "./options.ts";

export const command = defineCommand({
  meta: { name: "recover", description: "Recover the management service using this replica" },
  args: { ...msOptions, ...forceOption, ...dryRunOption },
  async run({ args }) {
    const json = (args as Record<string, unknown>)["json"] === true;
    const { openReplicaTarget } = await import("../../../daemon/ms/target.ts");
    const { planRecovery } = await import("../../../daemon/ms/replace.ts");
    const plan = await planRecovery(await openReplicaTarget(args.config));
    const text = `This makes what this replica has the whole management service, without the others:
${planText(plan)}
Whatever other replicas acknowledged and this one has not received is lost, so run it on the replica with the
highest version ("ms status" shows the others'). Use it when a majority of the replicas is gone for good; while a
majority can be started, start it instead.
The database of this replica is kept aside; the servers of all other replicas must be stopped.`;
    if (args["dry-run"]) {
      if (json) printJson({ dry_run: true, ...planJson(plan) });
      else console.log(text);
      return;
    }
    await consent(text, args.force === true);
    const { old, at } = await plan.make();
    if (json) printJson({ dry_run: false, ...planJson(plan), at, old });
    else
      console.log(
        `Successfully recovered management service\nWhat was here before is kept in ${old}\n${afterwards}`,
      );
  },
});
