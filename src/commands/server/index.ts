import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "daos_server", description: "Run and prepare a DAOS server" },
  args: {
    "allow-proxy": { type: "boolean", description: "Allow proxy configuration via environment" },
    debug: { type: "boolean", alias: "b", description: "Log everything, whatever control_log_mask says" },
    json: { type: "boolean", alias: "j", description: "Print one JSON document instead of text" },
    "json-logging": { type: "boolean", alias: "J", description: "Log in JSON" },
    syslog: { type: "boolean", description: "Log to syslog as well" },
  },
  subCommands: {
    start: () => import("./start.ts").then((module) => module.command),
    config: () => import("./config/index.ts").then((module) => module.command),
    "dump-topology": () => import("../host/topology.ts").then((module) => module.command),
    ms: () => import("./ms/index.ts").then((module) => module.command),
    network: () => import("./network/index.ts").then((module) => module.command),
    nvme: () => import("./nvme/index.ts").then((module) => module.command),
    scm: () => import("./scm/index.ts").then((module) => module.command),
    support: () => import("./support/index.ts").then((module) => module.command),
    version: () => import("./version.ts").then((module) => module.command),
  },
});
