import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "storage", alias: "sto", description: "Tasks on the storage of servers" },
  subCommands: {
    format: () => import("./format.ts").then((module) => module.command),
    led: () => import("./led.ts").then((module) => module.command),
    "nvme-add-device": () => import("./nvme-add-device.ts").then((module) => module.command),
    "nvme-rebind": () => import("./nvme-rebind.ts").then((module) => module.command),
    query: () => import("./query.ts").then((module) => module.command),
    replace: () => import("./replace.ts").then((module) => module.command),
    scan: () => import("./scan.ts").then((module) => module.command),
    set: () => import("./set.ts").then((module) => module.command),
  },
});
