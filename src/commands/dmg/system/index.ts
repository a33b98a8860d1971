import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "system", alias: "sys", description: "Tasks on the whole DAOS system" },
  subCommands: {
    cleanup: () => import("./cleanup.ts").then((module) => module.command),
    "clear-exclude": () => import("./clear-exclude.ts").then((module) => module.command),
    "del-attr": () => import("./del-attr.ts").then((module) => module.command),
    erase: () => import("./erase.ts").then((module) => module.command),
    exclude: () => import("./exclude.ts").then((module) => module.command),
    "get-attr": () => import("./get-attr.ts").then((module) => module.command),
    "get-prop": () => import("./get-prop.ts").then((module) => module.command),
    "leader-query": () => import("./leader-query.ts").then((module) => module.command),
    "list-pools": () => import("../pool/list.ts").then((module) => module.listPoolsCommand),
    query: () => import("./query.ts").then((module) => module.command),
    "set-attr": () => import("./set-attr.ts").then((module) => module.command),
    "set-prop": () => import("./set-prop.ts").then((module) => module.command),
    start: () => import("./start.ts").then((module) => module.command),
    stop: () => import("./stop.ts").then((module) => module.command),
  },
});
