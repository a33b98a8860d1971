/** Logs and facts of servers, for those who help. */
import { CollectLogReqSchema, CollectLogRespSchema } from "../gen/ctl/support_pb.ts";
import type { DmgClient } from "./context.ts";
import { type HostErrors, splitResults } from "./host-results.ts";
import { invokeHosts } from "./invoker.ts";
import { unary } from "./unary.ts";

const collectLogRpc = unary("ctl.CtlSvc", "CollectLog", CollectLogReqSchema, CollectLogRespSchema);

/** What a server is to collect: the numbers of 2.6's lib/support. */
export const LogFunction = {
  copyServerConfig: 0,
  systemCommand: 1,
  serverLog: 2,
  extraLogsDir: 3,
  daosServerCommand: 4,
  rsync: 11,
  archive: 12,
} as const;

/** Commands that tell of a host; servers run these and no others. */
export const systemCommands = [
  "dmesg",
  "df -h",
  "mount",
  "ps axf",
  "top -bcn1 -w512",
  "lspci -D",
  "sysctl -a",
  "printenv",
  "rpm -qa --qf '(%{INSTALLTIME:date}): %{NAME}-%{VERSION}\\n'",
] as const;

export const daosServerCommands = ["daos_server version", "daos_metrics", "dump-topology"] as const;

/** Kinds of logs by the word an administrator uses. */
export const serverLogs = { server: "EngineLog", control: "ControlLog", admin: "HelperLog" } as const;

export interface CollectRequest {
  readonly logFunction: number;
  /** Folder on the server, and on the admin's node for rsync. */
  readonly targetFolder: string;
  /** A command, or the kind of a log. */
  readonly logCommand?: string;
  readonly adminNode?: string;
  readonly extraLogsDir?: string;
  /** "MM-DD-YYYY" and "HH:MM:SS"; "": from the beginning, to the end. */
  readonly startDate?: string;
  readonly endDate?: string;
  readonly startTime?: string;
  readonly endTime?: string;
  readonly stopOnError?: boolean;
}

/** Has every server collect one thing; gives what went wrong, by host. */
export async function collectLog(client: DmgClient, request: CollectRequest): Promise<HostErrors> {
  const message = {
    TargetFolder: request.targetFolder,
    ExtraLogsDir: request.extraLogsDir ?? "",
    AdminNode: request.adminNode ?? "",
    LogFunction: request.logFunction,
    LogCmd: request.logCommand ?? "",
    LogStartDate: request.startDate ?? "",
    LogEndDate: request.endDate ?? "",
    LogStartTime: request.startTime ?? "",
    LogEndTime: request.endTime ?? "",
    StopOnError: request.stopOnError ?? false,
  };
  return splitResults(await invokeHosts(collectLogRpc, client.hosts, message, client)).errors;
}
