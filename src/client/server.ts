/** Settings of running engines. */
import { logMaskProblem, logStreamsProblem, logSubsystemsProblem } from "../config/log-masks.ts";
import { SetLogMasksReqSchema, SetLogMasksRespSchema } from "../gen/ctl/server_pb.ts";
import type { DmgClient } from "./context.ts";
import { addHostError, type HostErrors, splitResults } from "./host-results.ts";
import { invokeHosts } from "./invoker.ts";
import { unary } from "./unary.ts";

const setLogMasksRpc = unary("ctl.CtlSvc", "SetEngineLogMasks", SetLogMasksReqSchema, SetLogMasksRespSchema);

/** What is undefined goes back to what the server's configuration says. */
export interface LogMasks {
  readonly masks?: string | undefined;
  readonly streams?: string | undefined;
  readonly subsystems?: string | undefined;
}

export interface LogMasksAnswer {
  readonly errors: HostErrors;
  /** Hosts on which every engine has taken them. */
  readonly hosts: readonly string[];
}

/** @throws Error for a mask, stream or subsystem that does not exist */
export async function setEngineLogMasks(client: DmgClient, wanted: LogMasks): Promise<LogMasksAnswer> {
  refuse(wanted.masks, logMaskProblem);
  refuse(wanted.streams, logStreamsProblem);
  refuse(wanted.subsystems, logSubsystemsProblem);
  const request = {
    sys: client.sys,
    masks: wanted.masks ?? "",
    streams: wanted.streams ?? "",
    subsystems: wanted.subsystems ?? "",
    resetMasks: wanted.masks === undefined,
    resetStreams: wanted.streams === undefined,
    resetSubsystems: wanted.subsystems === undefined,
  };
  const { answers, errors } = splitResults(await invokeHosts(setLogMasksRpc, client.hosts, request, client));
  const hosts: string[] = [];
  for (const { host, value } of answers) {
    if (value.errors.every((problem) => problem === "")) hosts.push(host);
    else {
      const engines = value.errors.map((problem, index) => `engine-${index}: ${problem || "updated"}`);
      addHostError(errors, host, new Error(engines.join(", ")));
    }
  }
  return { errors, hosts };
}

function refuse(value: string | undefined, problemOf: (value: string) => string | undefined): void {
  const problem = value === undefined || value === "" ? undefined : problemOf(value);
  if (problem !== undefined) throw new Error(problem);
}
