import { defineCommand } from "citty";
import type { LegacyDatabase } from "../../../daemon/ms/raft.ts";
import { printJson } from "../../../ui/json.ts";
import { afterwards, consent, dryRunOption, forceOption, msOptions, planJson, planText } from "./options.ts";

export const command = defineCommand({
  meta: { name: "import", description: "Take over the management database of a stopped DAOS 2.6.0 system" },
  args: {
    ...msOptions,
    ...forceOption,
    ...dryRunOption,
    alone: {
      type: "boolean",
      description: "Take what there is, though most replicas of the system were not named (they are lost)",
    },
    dir: {
      type: "positional",
      required: true,
      description:
        "The control_raft folder of each replica, copied here from the others, commas between them; " +
        "or a folder of a snapshot",
      valueHint: "folder,...",
    },
  },
  async run({ args }) {
    const json = (args as Record<string, unknown>)["json"] === true;
    const { openReplicaTarget } = await import("../../../daemon/ms/target.ts");
    const { planImport } = await import("../../../daemon/ms/raft.ts");
    const dirs = args.dir.split(",").filter((dir) => dir !== "");
    const plan = await planImport(await openReplicaTarget(args.config), dirs, args.alone === true);
    const { found, compared } = plan;
    const text = `This makes what DAOS 2.6 has in ${found.dir} the whole management service:
${compared.map((each) => databaseText(each, each === found && compared.length > 1)).join("\n")}
${planText(plan)}
  map version ${found.state.mapVersion}, attributes and properties: ${found.state.attributes.size}
The files of DAOS 2.6 stay as they are. The servers of all other replicas must be stopped.`;
    const facts = {
      taken: found.dir,
      map_version: found.state.mapVersion,
      attributes: found.state.attributes.size,
      databases: compared.map(databaseJson),
    };
    if (args["dry-run"]) {
      if (json) printJson({ dry_run: true, ...facts, ...planJson(plan) });
      else console.log(text);
      return;
    }
    await consent(text, args.force === true);
    const { old, at } = await plan.make();
    if (json) printJson({ dry_run: false, ...facts, ...planJson(plan), at, old });
    else {
      const kept = old === "" ? "" : `What was here before is kept in ${old}\n`;
      console.log(`Successfully imported management service\n${kept}${afterwards}`);
    }
  },
});

/** Where it stands and what it was read from; `chosen` when it is the latest of several. */
function databaseText({ dir, last, servers, snapshot, entries, notices }: LegacyDatabase, chosen: boolean) {
  const from = snapshot === undefined ? "no snapshot" : `snapshot ${snapshot.path}`;
  const replicas = servers.map(({ address }) => address).join(", ");
  return [
    `  ${dir}: entry ${last.index} of term ${last.term}${chosen ? " (the latest: taken)" : ""}`,
    `    read from ${from} and ${entries} entries of the log; replicas ${replicas || "not known"}`,
    ...notices.map((notice) => `    ${notice}`),
  ].join("\n");
}

function databaseJson({ dir, last, servers, snapshot, entries, terms, notices }: LegacyDatabase) {
  return {
    dir,
    index: last.index,
    term: last.term,
    current_term: terms.currentTerm,
    replicas: servers.map(({ address }) => address),
    snapshot: snapshot?.path ?? "",
    replayed: entries,
    notices,
  };
}
