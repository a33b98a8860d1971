import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "network", alias: "net", description: "Tasks on the network devices of servers" },
  subCommands: {
    scan: () => import("./scan.ts").then((module) => module.command),
  },
});
