import { copyFile, cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { activeConfigName } from "../../../config/to-yaml.ts";
import { errorText } from "../../../faults/fault.ts";
import type { CollectLogReq, CollectLogRespSchema } from "../../../gen/ctl/support_pb.ts";
import { readHostDevices } from "../../../hardware/devices.ts";
import { topologyText } from "../../../support/topology.ts";
import { DAOS_VERSION, daosctlRevision, daosctlVersion } from "../../../version.ts";
import type { CallContext } from "../../method.ts";
import type { ControlDeps } from "../deps.ts";
import { commandOutput, outputFileName, systemCommand } from "./commands.ts";
import { copyLogLines, type LogRange, parseLogRange } from "./log-lines.ts";

/** What is to be collected: numbers of 2.6's lib/support. Those missing are the client's own business. */
const LogFunction = {
  serverConfig: 0,
  systemCommand: 1,
  serverLog: 2,
  extraLogsDir: 3,
  daosServerCommand: 4,
  rsync: 11,
  archive: 12,
} as const;

/** "<target>/<host>/<kind>": 2.6's layout, which its scripts unpack. */
async function hostFolder(target: string, kind = ""): Promise<string> {
  if (!isAbsolute(target)) throw new Error(`the target folder must be an absolute path, not "${target}"`);
  const folder = join(target, hostname().split(".")[0] ?? "", kind);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

async function copyLog(source: string, folder: string, range: LogRange | undefined): Promise<void> {
  const target = join(folder, basename(source));
  if (range === undefined) await copyFile(source, target);
  else await copyLogLines(source, target, range);
}

/** A log and what was rotated away from it: every file whose name begins with the log's. */
async function withRotated(path: string): Promise<string[]> {
  const names = await readdir(dirname(path));
  return names.filter((name) => name.startsWith(basename(path))).map((name) => join(dirname(path), name));
}

async function collectEngineLogs(deps: ControlDeps, request: CollectLogReq, range?: LogRange): Promise<void> {
  const folder = await hostFolder(request.TargetFolder, "EngineLogs");
  for (const { logFile } of deps.config.engines) {
    if (logFile === undefined) continue;
    for (const path of await withRotated(logFile)) {
      try {
        await copyLog(path, folder, range);
      } catch (error) {
        if (request.StopOnError) throw error;
        deps.log.error(`collecting ${path}: ${errorText(error)}`);
      }
    }
  }
}

async function collectServerLog(deps: ControlDeps, request: CollectLogReq): Promise<void> {
  const range = parseLogRange(request);
  const single = async (path: string | undefined, kind: string, key: string) => {
    if (path === undefined) throw new Error(`no ${key} in the configuration of this server`);
    await copyLog(path, await hostFolder(request.TargetFolder, kind), range);
  };
  switch (request.LogCmd) {
    case "EngineLog":
      return collectEngineLogs(deps, request, range);
    case "ControlLog":
      return single(deps.config.controlLogFile, "ControlLogs", "control_log_file");
    case "HelperLog":
      return single(deps.config.helperLogFile, "AdminLogs", "helper_log_file");
    default:
      throw new Error(`unknown log "${request.LogCmd}"`);
  }
}

async function collectOutput(
  folder: string,
  name: string,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await writeFile(join(folder, outputFileName(name)), await commandOutput(argv, signal));
}

async function collectServerCommand(
  deps: ControlDeps,
  request: CollectLogReq,
  signal: AbortSignal,
): Promise<void> {
  const folder = await hostFolder(request.TargetFolder, "DmgNodeLogs");
  switch (request.LogCmd) {
    case "daos_server version":
      return writeFile(
        join(folder, outputFileName(request.LogCmd)),
        `DAOS Control Server version ${DAOS_VERSION} (daosctl ${daosctlVersion}, revision ${daosctlRevision})\n`,
      );
    case "dump-topology":
      return writeFile(join(folder, "daos_server_dump-topology"), topologyText(await readHostDevices()));
    case "daos_metrics":
      for (const instance of deps.harness.instances) {
        if (!instance.isStarted()) continue;
        const name = `daos_metrics -S ${instance.index}`;
        try {
          await collectOutput(folder, name, name.split(" "), signal);
        } catch (error) {
          // An engine without the tool beside it has no metrics to show; the rest is worth having.
          deps.log.error(`Failed to run ${name}: ${errorText(error)}`);
        }
      }
      return;
    default:
      throw new Error(`"${request.LogCmd}" is not a command that is collected`);
  }
}

async function collect(deps: ControlDeps, request: CollectLogReq, signal: AbortSignal): Promise<void> {
  const { TargetFolder: target } = request;
  switch (request.LogFunction) {
    case LogFunction.serverConfig: {
      const folder = await hostFolder(target, "DaosServerConfig");
      const source = join(deps.config.socketDir, activeConfigName);
      // Not hidden in the copy: whoever unpacks it looks for it.
      return copyFile(source, join(folder, activeConfigName.replace(/^\./, "")));
    }
    case LogFunction.systemCommand: {
      const folder = await hostFolder(target, "GenSystemInfo");
      return collectOutput(folder, request.LogCmd, systemCommand(request.LogCmd), signal);
    }
    case LogFunction.serverLog:
      return collectServerLog(deps, request);
    case LogFunction.extraLogsDir:
      return cp(request.ExtraLogsDir, await hostFolder(target, "ExtraLogs"), { recursive: true });
    case LogFunction.daosServerCommand:
      return collectServerCommand(deps, request, signal);
    case LogFunction.rsync: {
      const folder = await hostFolder(target);
      // "--": a node's name is never read as an option.
      const argv = ["rsync", "-av", "--blocking-io", "--", folder, `${request.AdminNode}:${target}`];
      await commandOutput(argv, signal);
      return;
    }
    case LogFunction.archive: {
      const argv = ["tar", "-C", dirname(target), "-czf", `${target}.tar.gz`, "--", basename(target)];
      await commandOutput(argv, signal);
      return;
    }
    default:
      throw new Error(`log function ${request.LogFunction} is not one of a server's`);
  }
}

/** Puts logs and facts of this server into a folder, for those who help. */
export async function collectLog(
  deps: ControlDeps,
  request: CollectLogReq,
  context: CallContext,
): Promise<MessageInitShape<typeof CollectLogRespSchema>> {
  deps.log.info(
    `Support CollectLog: Calling Log Function Enum: ${request.LogFunction}, And Cmd/Log: ${request.LogCmd}`,
  );
  await collect(deps, request, context.signal);
  return {};
}
