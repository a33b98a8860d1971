import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "support", description: "Collect what those who help will ask for" },
  subCommands: {
    "collect-log": () => import("./collect-log.ts").then((module) => module.command),
  },
});
