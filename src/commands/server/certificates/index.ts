import { defineCommand } from "citty";

export const command = defineCommand({
  meta: {
    name: "certificates",
    alias: "certs",
    description: "Make and look at the certificates of a DAOS system",
  },
  subCommands: {
    create: () => import("./create.ts").then((module) => module.command),
    show: () => import("./show.ts").then((module) => module.command),
  },
});
