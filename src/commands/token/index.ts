import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "token", description: "Let new nodes get a certificate with a token that can be used once" },
  args: {
    json: { type: "boolean", alias: "j", description: "Print one JSON document instead of text" },
    debug: { type: "boolean", alias: "d", description: "Say on standard error what is asked of whom" },
    "config-path": {
      type: "string",
      alias: "o",
      description: "Control configuration (default: ~/.daos_control.yml, else /etc/daos/daos_control.yml)",
      valueHint: "path",
    },
  },
  subCommands: {
    create: () => import("./create.ts").then((module) => module.command),
    list: () => import("./list.ts").then((module) => module.command),
    revoke: () => import("./revoke.ts").then((module) => module.command),
  },
});
