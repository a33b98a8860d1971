import { defineCommand } from "citty";
import { leaderQuery } from "../../../client/leader-query.ts";
import { flag } from "../arguments.ts";
import { runDmg } from "../session.ts";
import { leaderDocument, leaderText } from "../views/system.ts";

export const command = defineCommand({
  meta: { name: "leader-query", description: "Show the leader and the replicas of the management service" },
  args: {
    "down-replicas": { type: "boolean", alias: "N", description: "Show only replicas that do not answer" },
  },
  run: ({ args }) =>
    runDmg(args, { failure: "leader query failed" }, async (session) => {
      const answer = await leaderQuery(await session.client());
      return { response: leaderDocument(answer), text: leaderText(answer, flag(args, "down-replicas")) };
    }),
});
