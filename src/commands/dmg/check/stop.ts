import { defineCommand } from "citty";
import { checkStop } from "../../../client/check.ts";
import { runDmg } from "../session.ts";
import { poolArgs, poolIds } from "./pools.ts";

export const command = defineCommand({
  meta: { name: "stop", description: "Stop a system check" },
  args: poolArgs,
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      await checkStop(await session.client(), poolIds(args));
      return { text: "system checker stopped" };
    }),
});
