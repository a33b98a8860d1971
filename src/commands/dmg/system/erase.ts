import { defineCommand } from "citty";
import { failedRanksError, ranksInTheWayOfErase, systemErase } from "../../../client/system.ts";
import { formatRanks } from "../../../system/ranks.ts";
import { flag } from "../arguments.ts";
import { confirm } from "../confirm.ts";
import { dryRun } from "../options.ts";
import { timed } from "../progress.ts";
import { runDmg } from "../session.ts";
import { printableHosts } from "../views/common.ts";

export const command = defineCommand({
  meta: { name: "erase", description: "Erase system metadata prior to reformat" },
  args: dryRun,
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const client = await session.client();
      const hosts = printableHosts(client.hosts);
      if (flag(args, "dry-run")) {
        const running = await ranksInTheWayOfErase(client);
        const stop = running.length > 0 ? `\nFirst to be stopped: ranks ${formatRanks(running)}` : "";
        return { text: `Would erase the metadata of system ${client.systemName} on ${hosts}.${stop}` };
      }
      await confirm(session, `The metadata of system ${client.systemName} on ${hosts} will be erased.`);
      const answer = await timed(session, "erasing", () => systemErase(client));
      return { error: failedRanksError(answer) };
    }),
});
