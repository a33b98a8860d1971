import { defineCommand } from "citty";
import { memberResultsError, systemQuery, systemStop } from "../../../client/system.ts";
import { MemberState } from "../../../system/types.ts";
import { flag, rankSelection } from "../arguments.ts";
import { dryRun, rankList } from "../options.ts";
import { timedRanks } from "../progress.ts";
import { runDmg } from "../session.ts";
import { memberResultsDocument, memberResultsText, systemQueryText } from "../views/system.ts";

export const command = defineCommand({
  meta: { name: "stop", description: "Perform controlled shutdown of DAOS system" },
  args: {
    ...rankList,
    force: { type: "boolean", description: "Stop at once, without preparing the engines for it" },
    ...dryRun,
  },
  run: ({ args }) =>
    runDmg(args, { failure: "system stop failed" }, async (session) => {
      const selection = rankSelection(args);
      const client = await session.client();
      if (flag(args, "dry-run")) {
        const members = await systemQuery(client, selection);
        return { text: `Would stop:\n${systemQueryText(members, { verbose: true }).text}` };
      }
      const states = MemberState.Stopped | MemberState.Errored | MemberState.Excluded;
      const answer = await timedRanks(session, "stopping", { ...selection, states }, () =>
        systemStop(client, { ...selection, force: flag(args, "force") }),
      );
      return {
        response: memberResultsDocument(answer),
        ...memberResultsText(answer),
        error: memberResultsError(answer),
      };
    }),
});
