import { defineCommand } from "citty";
import { checkQuery } from "../../../client/check.ts";
import { flag } from "../arguments.ts";
import { runDmg } from "../session.ts";
import { checkQueryDocument, checkQueryText } from "../views/check.ts";
import { poolArgs, poolIds } from "./pools.ts";

export const command = defineCommand({
  meta: { name: "query", description: "Query a system check" },
  args: {
    ...poolArgs,
    verbose: { type: "boolean", alias: "v", description: "Show more detailed information." },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const answer = await checkQuery(await session.client(), { pools: poolIds(args) });
      return {
        response: checkQueryDocument(answer),
        text: checkQueryText(answer, { verbose: flag(args, "verbose") }),
      };
    }),
});
