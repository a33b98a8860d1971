import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "network", description: "Look at the network of this host" },
  subCommands: {
    scan: () => import("./scan.ts").then((module) => module.command),
  },
});
