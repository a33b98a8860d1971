import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "set", description: "Manually set the device state." },
  subCommands: {
    "nvme-faulty": () => import("./set-nvme-faulty.ts").then((module) => module.command),
  },
});
