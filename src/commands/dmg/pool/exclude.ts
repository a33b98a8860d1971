import { defineCommand } from "citty";
import { changeTargets, targetArgs } from "./targets.ts";

export const command = defineCommand({
  meta: { name: "exclude", description: "Exclude targets from a rank" },
  args: targetArgs,
  run: ({ args }) => changeTargets(args, "exclude", "Exclude"),
});
