import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "cert", description: "Make, check and replace the certificates of a DAOS system" },
  subCommands: {
    init: () => import("./init.ts").then((module) => module.command),
    issue: () => import("./issue.ts").then((module) => module.command),
    show: () => import("./show.ts").then((module) => module.command),
    check: () => import("./check.ts").then((module) => module.command),
    renew: () => import("./renew.ts").then((module) => module.command),
    "rotate-ca": () => import("./rotate-ca.ts").then((module) => module.command),
    join: () => import("./join.ts").then((module) => module.command),
  },
});
