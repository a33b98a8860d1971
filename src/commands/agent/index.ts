import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "daos_agent", description: "Run the agent through which a node's processes use DAOS" },
  args: {
    "allow-proxy": { type: "boolean", description: "Allow proxy configuration via environment" },
    debug: { type: "boolean", alias: "d", description: "Enable debug output" },
    json: { type: "boolean", alias: "j", description: "Print one JSON document instead of text" },
    "json-logging": { type: "boolean", alias: "J", description: "Log in JSON" },
    "config-path": {
      type: "string",
      alias: "o",
      description: "Agent configuration (default: /etc/daos/daos_agent.yml where it exists)",
      valueHint: "path",
    },
    insecure: { type: "boolean", alias: "i", description: "Run without certificates" },
    runtime_dir: {
      type: "string",
      alias: "s",
      description: "Folder of the agent's socket",
      valueHint: "path",
    },
    logfile: { type: "string", alias: "l", description: "Log to this file", valueHint: "path" },
  },
  subCommands: {
    start: () => import("./start.ts").then((module) => module.command),
    "dump-attachinfo": () => import("./dump-attachinfo.ts").then((module) => module.command),
    "dump-topology": () => import("../host/topology.ts").then((module) => module.command),
    "net-scan": () => import("./net-scan.ts").then((module) => module.command),
    refresh: () => import("./refresh.ts").then((module) => module.command),
    status: () => import("./status.ts").then((module) => module.command),
    support: () => import("./support/index.ts").then((module) => module.command),
    version: () => import("./version.ts").then((module) => module.command),
  },
  /** Without a command it starts, as 2.6's. */
  async run({ args }) {
    const { start } = await import("./start.ts");
    await start(args);
  },
});
