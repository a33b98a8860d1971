import { defineCommand } from "citty";
import { rankList } from "../options.ts";
import { excludeRanks } from "./exclude.ts";

export const command = defineCommand({
  meta: { name: "clear-exclude", description: "Clear excluded state for ranks" },
  args: rankList,
  run: ({ args }) => excludeRanks(args, true),
});
