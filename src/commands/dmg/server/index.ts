import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "server", alias: "srv", description: "Tasks on running servers" },
  subCommands: {
    "set-logmasks": () => import("./set-logmasks.ts").then((module) => module.command),
  },
});
