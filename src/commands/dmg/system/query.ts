import { defineCommand } from "citty";
import { absenteesError, allMemberStates, systemQuery } from "../../../client/system.ts";
import { allStates, parseMemberState } from "../../../system/member-state.ts";
import { MemberState } from "../../../system/types.ts";
import { type Arguments, flag, rankSelection, text } from "../arguments.ts";
import { rankList, watchFlag } from "../options.ts";
import { runDmg } from "../session.ts";
import { systemQueryDocument, systemQueryText } from "../views/system.ts";

export const command = defineCommand({
  meta: { name: "query", description: "Show the members of the system and their states" },
  args: {
    ...rankList,
    verbose: { type: "boolean", alias: "v", description: "Display more member details" },
    "not-ok": { type: "boolean", description: "Only ranks that need an administrator's attention" },
    "with-states": {
      type: "string",
      description: "Only ranks in one of these states, comma-separated",
      valueHint: "states",
    },
    ...watchFlag,
  },
  run: ({ args }) =>
    runDmg(args, { failure: "system query failed" }, async (session) => {
      const stateMask = wantedStates(args);
      const selection = rankSelection(args);
      const verbose = flag(args, "verbose");
      if (flag(args, "watch")) {
        const { watchQuery } = await import("../watch.ts");
        return await watchQuery(session, async (client) => {
          const answer = await systemQuery(client, { ...selection, stateMask, failOnUnavailable: true });
          const { text, warnings } = systemQueryText(answer, { verbose });
          return `${text}\n${warnings}`;
        });
      }
      const answer = await systemQuery(await session.client(), { ...selection, stateMask });
      return {
        response: systemQueryDocument(answer),
        ...systemQueryText(answer, { verbose }),
        error: absenteesError(answer),
      };
    }),
});

function wantedStates(args: Arguments): number {
  const names = text(args, "with-states") ?? "";
  if (flag(args, "not-ok")) {
    if (names !== "") throw new Error("--not-ok and --with-states options cannot be set together");
    return allStates & ~MemberState.Joined;
  }
  if (names === "") return allMemberStates;
  return names.split(",").reduce((mask, name) => {
    const state = parseMemberState(name.trim());
    if (state === "Unknown") throw new Error(`invalid state name "${name}"`);
    return mask | MemberState[state];
  }, 0);
}
