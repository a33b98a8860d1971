import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "container", alias: "cont", description: "Tasks on DAOS containers" },
  subCommands: {
    "set-owner": () => import("./set-owner.ts").then((module) => module.command),
  },
});
