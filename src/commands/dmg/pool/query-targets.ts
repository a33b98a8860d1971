import { defineCommand } from "citty";
import { poolQueryTargets } from "../../../client/pool.ts";
import { poolId, required, text, uint32 } from "../arguments.ts";
import { pool } from "../options.ts";
import { inTextContext, runDmg } from "../session.ts";
import { poolTargetsDocument, poolTargetsText } from "../views/pool.ts";
import { targetIndexes } from "./targets.ts";

export const command = defineCommand({
  meta: { name: "query-targets", description: "Query pool target info" },
  args: {
    ...pool,
    rank: { type: "string", required: true, description: "Rank of the engine", valueHint: "rank" },
    "target-idx": {
      type: "string",
      required: true,
      description: "Indexes of the targets to be queried, comma-separated",
      valueHint: "indexes",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const targets = {
        pool: poolId(required(text(args, "pool"), "pool")),
        rank: required(uint32(args, "rank"), "rank"),
        targets: targetIndexes(args),
      };
      const client = await session.client();
      const answer = await inTextContext(session, "pool query targets failed", () =>
        poolQueryTargets(client, targets),
      );
      return { response: poolTargetsDocument(answer), text: poolTargetsText(answer.infos) };
    }),
});
