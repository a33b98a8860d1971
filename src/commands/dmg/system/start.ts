import { defineCommand } from "citty";
import { memberResultsError, systemStart } from "../../../client/system.ts";
import { MemberState } from "../../../system/types.ts";
import { rankSelection } from "../arguments.ts";
import { rankList } from "../options.ts";
import { timedRanks } from "../progress.ts";
import { runDmg } from "../session.ts";
import { memberResultsDocument, memberResultsText } from "../views/system.ts";

export const command = defineCommand({
  meta: { name: "start", description: "Perform start of stopped DAOS system" },
  args: rankList,
  run: ({ args }) =>
    runDmg(args, { failure: "system start failed" }, async (session) => {
      const selection = rankSelection(args);
      const client = await session.client();
      const states = MemberState.Joined | MemberState.Errored;
      const answer = await timedRanks(session, "starting", { ...selection, states }, () =>
        systemStart(client, selection),
      );
      return {
        response: memberResultsDocument(answer),
        ...memberResultsText(answer),
        error: memberResultsError(answer),
      };
    }),
});
