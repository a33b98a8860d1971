import { defineCommand } from "citty";
import { poolExtend } from "../../../client/pool.ts";
import { parseRanks } from "../../../system/ranks.ts";
import { flag, poolId, required, text } from "../arguments.ts";
import { pool, rebuildWatchFlag } from "../options.ts";
import { reported, runDmg } from "../session.ts";
import { withRebuild } from "./targets.ts";

export const command = defineCommand({
  meta: { name: "extend", description: "Extend a DAOS pool to include new ranks." },
  args: {
    ...pool,
    ranks: {
      type: "string",
      required: true,
      description: "Ranks to add to the pool: 4-7",
      valueHint: "ranks",
    },
    ...rebuildWatchFlag,
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const id = poolId(required(text(args, "pool"), "pool"));
      const ranks = parseRanks(required(text(args, "ranks"), "ranks"));
      const client = await session.client();
      const outcome = await reported(session, "Extend command", () => poolExtend(client, id, ranks));
      return flag(args, "watch") ? await withRebuild(session, id, outcome) : outcome;
    }),
});
