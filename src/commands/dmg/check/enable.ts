import { defineCommand } from "citty";
import { checkEnable } from "../../../client/check.ts";
import { runDmg } from "../session.ts";

export const command = defineCommand({
  meta: { name: "enable", description: "Enable system checker" },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      await checkEnable(await session.client());
      return { text: "system checker enabled" };
    }),
});
