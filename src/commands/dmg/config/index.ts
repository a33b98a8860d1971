import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "config", alias: "cfg", description: "Tasks on the configuration of servers" },
  subCommands: {
    generate: () => import("./generate.ts").then((module) => module.command),
  },
});
