import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "metrics", description: "Interact with metrics" },
  subCommands: {
    list: () => import("./metrics-list.ts").then((module) => module.command),
    query: () => import("./metrics-query.ts").then((module) => module.command),
  },
});
