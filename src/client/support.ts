/** Logs and facts of servers, for those who help. */
import { CollectLogReqSchema, CollectLogRespSchema } from "../gen/ctl/support_pb.ts";
import type { DmgClient } from "./context.ts";
import { type HostErrors, splitResults } from "./host-results.ts";
import { invokeHosts } from "./invoker.ts";
import { unary } from "./unary.ts";

const collectLogRpc = unary("ctl.CtlSvc", "CollectLog", CollectLogReqSchema, CollectLogRespSchema);

export interface CollectRequest {
  /** A step of bundle/steps.ts. */
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
