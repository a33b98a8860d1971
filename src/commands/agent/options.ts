import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { loadAgentConfig } from "../../config/agent.ts";
import { defaultAgentConfig, defaultAgentConfigPath } from "../../config/defaults.ts";
import type { AgentConfig } from "../../config/types.ts";
import { wrapError } from "../../faults/cause.ts";
import { createDaemonLog, type DaemonLog } from "../../log/daemon.ts";

/** The flags that every command of daos_agent takes. */
export interface AgentFlags {
  readonly "allow-proxy"?: boolean;
  readonly debug?: boolean;
  readonly "json-logging"?: boolean;
  readonly "config-path"?: string;
  readonly insecure?: boolean;
  readonly runtime_dir?: string;
  readonly logfile?: string;
}

/**
 * The configuration in the file named, or in the usual place, or the defaults when there is none; then what the
 * command line says.
 * @throws naming file and problem
 */
export async function agentConfig(flags: AgentFlags): Promise<AgentConfig> {
  const named = flags["config-path"] ?? "";
  const file = named === "" && existsSync(defaultAgentConfigPath) ? defaultAgentConfigPath : named;
  const config = file === "" ? defaultAgentConfig() : await load(file);
  if (flags.logfile) config.logFile = flags.logfile;
  if (flags.runtime_dir) config.runtimeDir = flags.runtime_dir;
  if (flags.insecure) config.transportConfig.allowInsecure = true;
  return config;
}

async function load(file: string): Promise<AgentConfig> {
  try {
    return await loadAgentConfig(file);
  } catch (error) {
    throw wrapError("failed to load agent configuration", error);
  }
}

/** The daemon's log: standard output, and the file of the configuration where there is one. */
export function agentLog(config: AgentConfig, flags: AgentFlags): DaemonLog {
  const mask = config.controlLogMask === "TRACE" ? "DEBUG" : config.controlLogMask;
  return createDaemonLog({
    prefix: hostname().split(".")[0] ?? "",
    level: flags.debug === true ? "DEBUG" : mask,
    file: config.logFile,
    json: flags["json-logging"] === true,
    // As 2.6 does: whoever started it sees it become ready.
    stdout: true,
  });
}
