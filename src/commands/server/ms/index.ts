import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "ms", description: "Perform tasks related to management service replicas" },
  subCommands: {
    status: () => import("./status.ts").then((module) => module.command),
    backup: () => import("./backup.ts").then((module) => module.command),
    restore: () => import("./restore.ts").then((module) => module.command),
    recover: () => import("./recover.ts").then((module) => module.command),
    add: () => import("./add.ts").then((module) => module.command),
    remove: () => import("./remove.ts").then((module) => module.command),
    import: () => import("./import.ts").then((module) => module.command),
    export: () => import("./export.ts").then((module) => module.command),
  },
});
