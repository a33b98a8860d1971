import { defineCommand } from "citty";
import { changeTargets, targetArgs } from "./targets.ts";

export const command = defineCommand({
  meta: { name: "reintegrate", alias: "reint", description: "Reintegrate targets for a rank" },
  args: targetArgs,
  run: ({ args }) => changeTargets(args, "reintegrate", "Reintegration"),
});
