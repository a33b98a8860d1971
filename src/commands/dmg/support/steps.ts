import {
  type CollectRequest,
  daosServerCommands,
  LogFunction,
  serverLogs,
  systemCommands,
} from "../../../client/support.ts";
import { type Arguments, text } from "../arguments.ts";

/** One thing that every server is to collect. */
export interface ServerStep {
  readonly name: string;
  readonly request: Omit<CollectRequest, "targetFolder">;
}

/** All there is to collect, or the logs named by --log-type alone. @throws Error for an unknown type */
export function serverSteps(args: Arguments): ServerStep[] {
  const types = text(args, "log-type");
  const logs = logKinds(types).map((log) => step(log, LogFunction.serverLog));
  const extra =
    text(args, "extra-logs-dir") === undefined
      ? []
      : [{ name: "extra logs", request: { logFunction: LogFunction.extraLogsDir } }];
  if (types !== undefined) return [...logs, ...extra];
  return [
    { name: "server configuration", request: { logFunction: LogFunction.copyServerConfig } },
    ...systemCommands.map((command) => step(command, LogFunction.systemCommand)),
    ...logs,
    ...daosServerCommands.map((command) => step(command, LogFunction.daosServerCommand)),
    ...extra,
  ];
}

function step(name: string, logFunction: number): ServerStep {
  return { name, request: { logFunction, logCommand: name } };
}

function logKinds(types: string | undefined): string[] {
  const known: Readonly<Record<string, string>> = serverLogs;
  if (types === undefined) return Object.values(serverLogs);
  return types
    .split(",")
    .filter((type) => type !== "")
    .map((type) => {
      const log = known[type];
      if (log === undefined) {
        throw new Error("Invalid log-type, please use admin,control,server log-type only");
      }
      return log;
    });
}

/** @throws Error saying which date or time is wrong */
export function checkTimes(args: Arguments): void {
  const start = text(args, "start-date");
  const end = text(args, "end-date");
  if (start !== undefined || end !== undefined) {
    const from = parseDate(start ?? "", "startDate");
    const to = parseDate(end ?? "", "endDate");
    if (from > to) throw new Error("start-date can not be after end-date");
  }
  checkTime(text(args, "log-start-time"), "log-start-time");
  checkTime(text(args, "log-end-time"), "log-end-time");
}

function parseDate(value: string, name: string): number {
  const match = /^(\d{1,2})-(\d{1,2})-(\d{4})$/.exec(value);
  const [month = 0, day = 0, year = 0] = match?.slice(1).map(Number) ?? [];
  const date = new Date(Date.UTC(year, month - 1, day));
  if (match === null || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    throw new Error(`Invalid date, please provide the ${name} in MM-DD-YYYY format`);
  }
  return date.getTime();
}

function checkTime(value: string | undefined, name: string): void {
  if (value === undefined || /^([01]?\d|2[0-3]):[0-5]?\d:[0-5]?\d$/.test(value)) return;
  throw new Error(`Invalid ${name}, please provide the time in HH:MM:SS format`);
}
