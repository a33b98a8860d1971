import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "config", alias: "cfg", description: "Work with server configuration files" },
  subCommands: {
    validate: () => import("./validate.ts").then((module) => module.command),
  },
});
