import { defineCommand } from "citty";

export const command = defineCommand({
  meta: {
    name: "telemetry",
    alias: "telem",
    description: "Read metrics of servers, and set up their collection",
  },
  subCommands: {
    config: () => import("./config.ts").then((module) => module.command),
    metrics: () => import("./metrics.ts").then((module) => module.command),
  },
});
