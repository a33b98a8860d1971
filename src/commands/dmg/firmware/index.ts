import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "firmware", description: "Manage the storage device firmware" },
  subCommands: {
    query: () => import("./query.ts").then((module) => module.command),
    update: () => import("./update.ts").then((module) => module.command),
  },
});
