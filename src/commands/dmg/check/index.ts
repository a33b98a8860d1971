import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "check", description: "Check system health" },
  subCommands: {
    disable: () => import("./disable.ts").then((module) => module.command),
    enable: () => import("./enable.ts").then((module) => module.command),
    "get-policy": () => import("./get-policy.ts").then((module) => module.command),
    query: () => import("./query.ts").then((module) => module.command),
    repair: () => import("./repair.ts").then((module) => module.command),
    "set-policy": () => import("./set-policy.ts").then((module) => module.command),
    start: () => import("./start.ts").then((module) => module.command),
    stop: () => import("./stop.ts").then((module) => module.command),
  },
});
