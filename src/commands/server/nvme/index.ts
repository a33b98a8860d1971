import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "nvme", description: "Prepare, reset and scan the NVMe devices of this host" },
  subCommands: {
    prepare: () => import("./prepare.ts").then((module) => module.command),
    reset: () => import("./reset.ts").then((module) => module.command),
    scan: () => import("./scan.ts").then((module) => module.command),
  },
});
