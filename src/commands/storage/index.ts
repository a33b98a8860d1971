import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "storage", description: "Prepare, reset and scan the storage of this host" },
  args: {
    json: { type: "boolean", alias: "j", description: "Print one JSON document instead of text" },
  },
  subCommands: {
    prepare: () => import("./prepare.ts").then((module) => module.command),
    reset: () => import("./reset.ts").then((module) => module.command),
    scan: () => import("./scan.ts").then((module) => module.command),
  },
});
