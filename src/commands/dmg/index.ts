import { defineCommand } from "citty";

export const command = defineCommand({
  meta: {
    name: "dmg",
    description: "Administer a DAOS system: storage, engines, pools and their access",
  },
  args: {
    "allow-proxy": { type: "boolean", description: "Allow proxy configuration via environment" },
    insecure: { type: "boolean", alias: "i", description: "Connect without certificates" },
    debug: { type: "boolean", alias: "d", description: "Say on standard error what is asked of whom" },
    "log-file": {
      type: "string",
      description: "Append what the command logs to this file",
      valueHint: "path",
    },
    json: { type: "boolean", alias: "j", description: "Print one JSON document instead of text" },
    "json-logging": { type: "boolean", alias: "J", description: "Log in JSON" },
    "config-path": {
      type: "string",
      alias: "o",
      description: "Control configuration (default: ~/.daos_control.yml, else /etc/daos/daos_control.yml)",
      valueHint: "path",
    },
    "host-list": {
      type: "string",
      alias: "l",
      description: "Older place of the flag of the same name of some commands",
      valueHint: "hosts",
    },
    timeout: { type: "string", description: "Give up after this long: 30s, 5m", valueHint: "duration" },
  },
  subCommands: {
    check: () => import("./check/index.ts").then((module) => module.command),
    config: () => import("./config/index.ts").then((module) => module.command),
    container: () => import("./container/index.ts").then((module) => module.command),
    firmware: () => import("./firmware/index.ts").then((module) => module.command),
    manpage: () => import("./manpage.ts").then((module) => module.command),
    network: () => import("./network/index.ts").then((module) => module.command),
    pool: () => import("./pool/index.ts").then((module) => module.command),
    server: () => import("./server/index.ts").then((module) => module.command),
    storage: () => import("./storage/index.ts").then((module) => module.command),
    support: () => import("./support/index.ts").then((module) => module.command),
    system: () => import("./system/index.ts").then((module) => module.command),
    telemetry: () => import("./telemetry/index.ts").then((module) => module.command),
    version: () => import("./version.ts").then((module) => module.command),
  },
});
