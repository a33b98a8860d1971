import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "query", description: "Query devices, pools and space of storage servers" },
  subCommands: {
    "list-devices": () => import("./query-list-devices.ts").then((module) => module.command),
    "list-pools": () => import("./query-list-pools.ts").then((module) => module.command),
    usage: () => import("./query-usage.ts").then((module) => module.command),
  },
});
