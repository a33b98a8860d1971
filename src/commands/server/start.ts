import { hostname } from "node:os";
import { defineCommand } from "citty";
import { defaultServerConfig, defaultServerConfigPath } from "../../config/defaults.ts";
import { applyServerOverrides } from "../../config/overrides.ts";
import { loadServerConfig } from "../../config/server.ts";
import type { ServerConfig } from "../../config/types.ts";
import { badConfig } from "../../faults/config.ts";
import { createDaemonLog, type DaemonLog } from "../../log/daemon.ts";
import { scrubProxies } from "../proxies.ts";

/** A whole number given to a flag, or undefined when it was not given. */
function count(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw badConfig(`--${flag} takes a whole number, not "${text}"`);
  return Number(text);
}

async function openLog(
  config: ServerConfig,
  { debug, json, syslog }: { readonly debug: boolean; readonly json: boolean; readonly syslog: boolean },
): Promise<DaemonLog> {
  const mask = config.controlLogMask === "TRACE" ? "DEBUG" : config.controlLogMask;
  const complain = (message: string) => console.error(`ERROR: daos_server: ${message}`);
  const send = syslog && (await import("../../daemon/syslog.ts")).createSyslog("daos_server", complain);
  return createDaemonLog({
    prefix: hostname().split(".")[0] ?? "",
    level: debug ? "DEBUG" : mask,
    file: config.controlLogFile,
    json: json || config.controlLogJson,
    stdout: true,
    syslog: send || undefined,
  });
}

export const command = defineCommand({
  meta: { name: "start", description: "Start the DAOS server" },
  args: {
    config: {
      type: "string",
      alias: "o",
      description: `Server configuration (default: ${defaultServerConfigPath})`,
      valueHint: "path",
    },
    port: {
      type: "string",
      alias: "p",
      description: "Port for the gRPC management interface to listen on",
      valueHint: "port",
    },
    storage: {
      type: "string",
      alias: "s",
      description: "Mount point of the first engine's memory tier (deprecated: use scm_mount)",
      valueHint: "path",
    },
    modules: {
      type: "string",
      alias: "m",
      description: "Engine modules to load, commas between them",
      valueHint: "list",
    },
    targets: {
      type: "string",
      alias: "t",
      description: "Number of targets of each engine",
      valueHint: "number",
    },
    xshelpernr: {
      type: "string",
      alias: "x",
      description: "Number of helper streams of each engine",
      valueHint: "number",
    },
    firstcore: {
      type: "string",
      alias: "f",
      description: "First core of each engine's service thread",
      valueHint: "core",
    },
    group: { type: "string", alias: "g", description: "System name", valueHint: "name" },
    socket_dir: {
      type: "string",
      alias: "d",
      description: "Folder of the sockets of server and engines",
      valueHint: "path",
    },
    insecure: { type: "boolean", alias: "i", description: "Run without certificates" },
    "auto-format": { type: "boolean", description: "Format storage without being told to" },
    "scm-as-folder": {
      type: "boolean",
      description: "Keep memory tiers in ordinary folders, to try things out without rights to mount",
    },
    listen: {
      type: "string",
      description: "Addresses to listen on, commas between them (default: every IPv4 address)",
      valueHint: "list",
    },
    "join-ca-key": {
      type: "string",
      description: "Sign certificates of nodes that have a token with this CA key (off without it)",
      valueHint: "file",
    },
    "ignore-config": { type: "boolean", description: "Read no configuration file, start with defaults" },
  },
  async run({ args }) {
    // Flags of daos_server itself, declared once at its root.
    const globals = args as {
      "allow-proxy"?: boolean;
      debug?: boolean;
      "json-logging"?: boolean;
      syslog?: boolean;
    };
    scrubProxies(globals["allow-proxy"] === true);
    const path = args.config ?? defaultServerConfigPath;
    const ignored = args["ignore-config"] === true;
    const config = applyServerOverrides(ignored ? defaultServerConfig() : await loadServerConfig(path), {
      port: count(args.port, "port"),
      storage: args.storage,
      modules: args.modules,
      targets: count(args.targets, "targets"),
      xshelpernr: count(args.xshelpernr, "xshelpernr"),
      firstcore: count(args.firstcore, "firstcore"),
      group: args.group,
      socketDir: args.socket_dir,
      insecure: args.insecure,
    });
    const log = await openLog(config, {
      debug: globals.debug === true,
      json: globals["json-logging"] === true,
      syslog: globals.syslog === true,
    });
    log.debug(ignored ? "no configuration file read" : `DAOS Server config loaded from ${path}`);
    if (args.storage !== undefined) log.notice("-s, --storage is deprecated");
    const { runServer } = await import("../../daemon/server.ts");
    // From here on the process is long-lived: code that runs often is worth compiling.
    Bun.unsafe.setJITPolicy(1);
    try {
      await runServer({
        config,
        log,
        autoFormat: args["auto-format"] === true,
        scmAsFolder: args["scm-as-folder"] === true,
        joinCaKey: args["join-ca-key"],
        listen: (args.listen ?? "").split(",").filter((address) => address !== ""),
      });
    } finally {
      await log.flush();
    }
  },
});
