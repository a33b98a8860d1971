import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "pool", description: "Tasks on DAOS pools" },
  subCommands: {
    create: () => import("./create.ts").then((module) => module.command),
    "delete-acl": () => import("./delete-acl.ts").then((module) => module.command),
    destroy: () => import("./destroy.ts").then((module) => module.command),
    drain: () => import("./drain.ts").then((module) => module.command),
    evict: () => import("./evict.ts").then((module) => module.command),
    exclude: () => import("./exclude.ts").then((module) => module.command),
    extend: () => import("./extend.ts").then((module) => module.command),
    "get-acl": () => import("./get-acl.ts").then((module) => module.command),
    "get-prop": () => import("./get-prop.ts").then((module) => module.command),
    list: () => import("./list.ts").then((module) => module.command),
    "overwrite-acl": () => import("./overwrite-acl.ts").then((module) => module.command),
    query: () => import("./query.ts").then((module) => module.command),
    "query-targets": () => import("./query-targets.ts").then((module) => module.command),
    reintegrate: () => import("./reintegrate.ts").then((module) => module.command),
    "set-prop": () => import("./set-prop.ts").then((module) => module.command),
    "update-acl": () => import("./update-acl.ts").then((module) => module.command),
    upgrade: () => import("./upgrade.ts").then((module) => module.command),
  },
});
