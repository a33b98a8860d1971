import { defineCommand } from "citty";
import { checkDisable } from "../../../client/check.ts";
import { runDmg } from "../session.ts";

export const command = defineCommand({
  meta: { name: "disable", description: "Disable system checker" },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      await checkDisable(await session.client());
      return { text: "system checker disabled" };
    }),
});
