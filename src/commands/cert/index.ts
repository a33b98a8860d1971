import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "cert", description: "Make and look at the certificates of a DAOS system" },
  subCommands: {
    init: () => import("./init.ts").then((module) => module.command),
    show: () => import("./show.ts").then((module) => module.command),
  },
});
