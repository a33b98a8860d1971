import { defineCommand } from "citty";
import { poolUpgrade } from "../../../client/pool.ts";
import { poolId, required, text } from "../arguments.ts";
import { pool } from "../options.ts";
import { runDmg } from "../session.ts";

export const command = defineCommand({
  meta: { name: "upgrade", description: "Upgrade pool to latest format" },
  args: pool,
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      await poolUpgrade(await session.client(), poolId(required(text(args, "pool"), "pool")));
      return { text: "Pool-upgrade command succeeded" };
    }),
});
