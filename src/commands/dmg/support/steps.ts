import { parseLogRange } from "../../../bundle/log-range.ts";
import { logsOfTypes, SERVER_COMMANDS, SERVER_LOGS, Step, SYSTEM_COMMANDS } from "../../../bundle/steps.ts";
import type { CollectRequest } from "../../../client/support.ts";
import { type Arguments, text } from "../arguments.ts";

/** One thing that every server is to collect. */
export interface ServerStep {
  readonly name: string;
  readonly request: Omit<CollectRequest, "targetFolder">;
}

/** All there is to collect, or the logs named by --log-type alone. @throws Error for an unknown type */
export function serverSteps(args: Arguments): ServerStep[] {
  const types = text(args, "log-type");
  const logs = (types === undefined ? SERVER_LOGS : logsOfTypes(types)).map((log) =>
    step(log, Step.serverLog),
  );
  const extra =
    text(args, "extra-logs-dir") === undefined
      ? []
      : [{ name: "extra logs", request: { logFunction: Step.extraLogs } }];
  if (types !== undefined) return [...logs, ...extra];
  return [
    { name: "server configuration", request: { logFunction: Step.serverConfig } },
    ...SYSTEM_COMMANDS.map((command) => step(command, Step.systemCommand)),
    ...logs,
    ...SERVER_COMMANDS.map((command) => step(command, Step.serverCommand)),
    ...extra,
  ];
}

function step(name: string, logFunction: number): ServerStep {
  return { name, request: { logFunction, logCommand: name } };
}

/** @throws Error saying which date or time is wrong */
export function checkTimes(args: Arguments): void {
  parseLogRange({
    startDate: text(args, "start-date") ?? "",
    endDate: text(args, "end-date") ?? "",
    startTime: text(args, "log-start-time") ?? "",
    endTime: text(args, "log-end-time") ?? "",
  });
}
