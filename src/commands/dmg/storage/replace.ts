import { defineCommand } from "citty";

export const command = defineCommand({
  meta: {
    name: "replace",
    description: "Replace a storage device that has been hot-removed with a new device.",
  },
  subCommands: {
    nvme: () => import("./replace-nvme.ts").then((module) => module.command),
  },
});
