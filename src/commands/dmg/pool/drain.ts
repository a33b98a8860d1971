import { defineCommand } from "citty";
import { changeTargets, targetArgs } from "./targets.ts";

export const command = defineCommand({
  meta: { name: "drain", description: "Drain targets from a rank" },
  args: targetArgs,
  run: ({ args }) => changeTargets(args, "drain", "Drain"),
});
