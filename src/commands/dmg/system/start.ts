import { defineCommand } from "citty";
import { memberResultsError, systemStart } from "../../../client/system.ts";
import { rankSelection } from "../arguments.ts";
import { rankList } from "../options.ts";
import { runDmg } from "../session.ts";
import { memberResultsDocument, memberResultsText } from "../views/system.ts";

export const command = defineCommand({
  meta: { name: "start", description: "Perform start of stopped DAOS system" },
  args: rankList,
  run: ({ args }) =>
    runDmg(args, { failure: "system start failed" }, async (session) => {
      const answer = await systemStart(await session.client(), rankSelection(args));
      return {
        response: memberResultsDocument(answer),
        ...memberResultsText(answer),
        error: memberResultsError(answer),
      };
    }),
});
