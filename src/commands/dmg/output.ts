/** Where a command's words go: the terminal, a log file (--log-file), JSON lines (--json-logging). */

import { appendFileSync } from "node:fs";
import { wrapError } from "../../faults/cause.ts";
import { scrubProxies } from "../proxies.ts";
import { type Arguments, flag, text } from "./arguments.ts";

type Level = "DEBUG" | "INFO" | "NOTICE" | "ERROR";

export interface Output {
  /** For people, on standard output; nothing with --json. */
  info(message: string): void;
  notice(message: string): void;
  error(message: string): void;
  /** Only with --debug on the terminal, always in the log file. */
  debug(message: string): void;
}

/** Marks of 2.6's command line loggers. */
const prefixes: Readonly<Record<Level, string>> = {
  DEBUG: "DEBUG: ",
  INFO: "",
  NOTICE: "NOTICE: ",
  ERROR: "ERROR: ",
};

/** @throws Error "create log file: …" when the log file cannot be written */
export function makeOutput(args: Arguments): Output {
  const file = text(args, "log-file");
  const jsonLines = flag(args, "json-logging");
  const debug = flag(args, "debug");
  const quiet = flag(args, "json");
  if (file !== undefined) keep(file, "");
  const say = (level: Level, message: string) => {
    if (file !== undefined) keep(file, `${logLine(level, message)}\n`);
    if ((level === "INFO" && quiet) || (level === "DEBUG" && !debug)) return;
    const line = jsonLines ? jsonLine(level, message) : prefixes[level] + message;
    if (level === "INFO") console.log(line);
    else console.error(line);
  };
  return {
    info: (message) => say("INFO", message),
    notice: (message) => say("NOTICE", message),
    error: (message) => say("ERROR", message),
    debug: (message) => say("DEBUG", message),
  };
}

function keep(file: string, line: string): void {
  try {
    appendFileSync(file, line, { mode: 0o644 });
  } catch (error) {
    throw wrapError("create log file", error);
  }
}

/** `dmg INFO 2026/11/25 10:22:17 message`, as Go's log package stamps it. */
function logLine(level: Level, message: string): string {
  const now = new Date();
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${now.getFullYear()}/${two(now.getMonth() + 1)}/${two(now.getDate())}`;
  return `dmg ${level} ${day} ${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())} ${message}`;
}

function jsonLine(level: Level, message: string): string {
  const time = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  return JSON.stringify({ level, time, message });
}

/** Servers are reached directly, whatever the environment says of proxies, unless --allow-proxy. */
export function ignoreProxies(args: Arguments): void {
  scrubProxies(flag(args, "allow-proxy"));
}
