import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { errorText } from "../faults/fault.ts";
import { readHostDevices } from "../hardware/devices.ts";
import { outputFileName, run, selfOutput, systemCommandOutput } from "./commands.ts";
import { archiveFolder, copyLog, copyTree, hostFolder, withRotated, writeBundleFile } from "./files.ts";
import type { LogRange } from "./log-range.ts";
import { Folder, Step } from "./steps.ts";
import { topologyText } from "./topology.ts";

/** One step of a bundle. */
export interface CollectRequest {
  /** One of Step. */
  readonly step: number;
  /** Absolute folder; `<target>/<host>/…` is made below it. */
  readonly target: string;
  /** A command or the kind of a log, by the words of steps.ts. */
  readonly command?: string;
  readonly extraLogsDir?: string;
  /** Where rsync sends `<target>/<host>`. */
  readonly adminNode?: string;
  /** undefined: whole logs. */
  readonly range?: LogRange | undefined;
  readonly stopOnError?: boolean;
}

/** Where a server keeps what is collected. */
export interface ServerFacts {
  /** The configuration in force. */
  readonly configFile: string | undefined;
  readonly engineLogs: readonly string[];
  readonly controlLog: string | undefined;
  readonly helperLog: string | undefined;
  /** Indices of engines that run. */
  readonly runningEngines: readonly number[];
}

/** Where a client node keeps what is collected. */
export interface AgentFacts {
  readonly configFile: string | undefined;
  readonly logFile: string | undefined;
  /** D_LOG_FILE: what libdaos logs to. */
  readonly clientLog: string | undefined;
}

export interface CollectOptions {
  /** Told of what went wrong with one file where the others are worth having. */
  readonly onProblem: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Does a step of a server's bundle. @throws Error saying what could not be collected */
export async function collectFromServer(
  request: CollectRequest,
  facts: ServerFacts,
  options: CollectOptions,
): Promise<void> {
  switch (request.step) {
    case Step.serverConfig:
      return copyConfig(request, facts.configFile, Folder.serverConfig, "server configuration");
    case Step.serverLog:
      return collectServerLog(request, facts, options);
    case Step.serverCommand:
      return collectServerCommand(request, facts, options);
    default:
      return collectFromHost(request, options);
  }
}

/** Does a step of a client node's bundle. @throws Error saying what could not be collected */
export async function collectFromAgent(
  request: CollectRequest,
  facts: AgentFacts,
  options: CollectOptions,
): Promise<void> {
  const { command = "", target, range } = request;
  switch (request.step) {
    case Step.agentConfig:
      return copyConfig(request, facts.configFile, Folder.agentConfig, "agent configuration");
    case Step.agentLog:
      if (facts.logFile === undefined) throw new Error("no log_file in the agent configuration");
      return copyLog(facts.logFile, await hostFolder(target, Folder.agentLogs), range);
    case Step.clientLog:
      if (facts.clientLog === undefined) return;
      for (const file of await withRotated(facts.clientLog)) {
        await copyLog(file, await hostFolder(target, Folder.clientLogs), range);
      }
      return;
    case Step.agentCommand: {
      const output = await selfOutput(command.replace(/^daos_agent /, "agent ").split(" "), options.signal);
      return writeBundleFile(
        join(await hostFolder(target, Folder.agentInfo), outputFileName(command)),
        output,
      );
    }
    default:
      return collectFromHost(request, options);
  }
}

async function collectFromHost(request: CollectRequest, { signal }: CollectOptions): Promise<void> {
  const { target, command = "", extraLogsDir = "", adminNode = "" } = request;
  switch (request.step) {
    case Step.systemCommand: {
      const output = await systemCommandOutput(command, signal);
      return writeBundleFile(
        join(await hostFolder(target, Folder.systemInfo), outputFileName(command)),
        output,
      );
    }
    case Step.extraLogs:
      if (extraLogsDir === "") throw new Error("no folder of extra logs is named");
      return copyTree(extraLogsDir, await hostFolder(target, Folder.extraLogs));
    case Step.rsync: {
      if (!/^[A-Za-z0-9]([A-Za-z0-9._-]*)$/.test(adminNode)) {
        throw new Error(`"${adminNode}" is not the name of an admin node`);
      }
      const argv = [
        "rsync",
        "-av",
        "--blocking-io",
        "--",
        await hostFolder(target),
        `${adminNode}:${target}`,
      ];
      await run(argv, signal);
      return;
    }
    case Step.archive:
      await hostFolder(target);
      await archiveFolder(target, signal);
      return;
    default:
      throw new Error(`log function ${request.step} is not one of this host's`);
  }
}

async function copyConfig(
  request: CollectRequest,
  file: string | undefined,
  kind: string,
  what: string,
): Promise<void> {
  if (file === undefined) throw new Error(`there is no ${what} file`);
  const folder = await hostFolder(request.target, kind);
  // Not hidden in the copy: whoever unpacks it looks for it.
  await writeBundleFile(join(folder, basename(file).replace(/^\./, "")), await readFile(file));
}

async function collectServerLog(
  request: CollectRequest,
  facts: ServerFacts,
  { onProblem }: CollectOptions,
): Promise<void> {
  const { target, range, command = "" } = request;
  const single = async (file: string | undefined, kind: string, key: string) => {
    if (file === undefined) throw new Error(`no ${key} in the configuration of this server`);
    await copyLog(file, await hostFolder(target, kind), range);
  };
  switch (command) {
    case "EngineLog": {
      if (facts.engineLogs.length === 0) throw new Error("no engine of the server configuration has a log");
      const folder = await hostFolder(target, Folder.engineLogs);
      for (const file of (await Promise.all(facts.engineLogs.map(withRotated))).flat()) {
        try {
          await copyLog(file, folder, range);
        } catch (error) {
          if (request.stopOnError === true) throw error;
          onProblem(`collecting ${file}: ${errorText(error)}`);
        }
      }
      return;
    }
    case "ControlLog":
      return single(facts.controlLog, Folder.controlLogs, "control_log_file");
    case "HelperLog":
      return single(facts.helperLog, Folder.adminLogs, "helper_log_file");
    default:
      throw new Error(`unknown log "${command}"`);
  }
}

async function collectServerCommand(
  request: CollectRequest,
  facts: ServerFacts,
  { onProblem, signal }: CollectOptions,
): Promise<void> {
  const { target, command = "" } = request;
  const folder = await hostFolder(target, Folder.nodeInfo);
  const keep = (name: string, output: string | Uint8Array) =>
    writeBundleFile(join(folder, outputFileName(name)), output);
  switch (command) {
    case "daos_server version":
      return keep(command, await selfOutput(["server", "version"], signal));
    case "dump-topology":
      return keep("daos_server_dump-topology", topologyText(await readHostDevices()));
    case "daos_metrics":
      if (facts.runningEngines.length === 0) throw new Error("daos_engine is not running on server");
      for (const index of facts.runningEngines) {
        const name = `daos_metrics -S ${index}`;
        try {
          await keep(name, await run(name.split(" "), signal));
        } catch (error) {
          onProblem(`Failed to run ${name}: ${errorText(error)}`);
        }
      }
      return;
    default:
      throw new Error(`"${command}" is not a command that is collected`);
  }
}
