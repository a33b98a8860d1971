import fs from "node:fs";
import type { Logger, LogLevel } from "./logger.ts";

const WEIGHT: Record<LogLevel, number> = { DEBUG: 0, INFO: 1, NOTICE: 2, ERROR: 3, DISABLED: 4 };

/** Lines waiting for a slow disk or pipe; older ones are dropped beyond this, and the drop is told. */
const MAX_WAITING_LINES = 10_000;

/** After a write further lines wait that long for company. The first line after a pause goes out at once. */
const GATHER_MS = 5;

export interface DaemonLogOptions {
  /** Word at the start of each line: the host's or program's name. */
  prefix: string;
  level?: LogLevel;
  /** Appended to; created 0600-ish by umask. Absent: standard output only. */
  file?: string;
  /** One JSON object a line, fields level, time, extra, message. */
  json?: boolean;
  /** Also write to standard output (default: only when there is no file). */
  stdout?: boolean;
  /** Also told of each line, without its time. */
  syslog?: ((level: LogLevel, message: string) => void) | undefined;
}

export interface DaemonLog extends Logger {
  setLevel(level: LogLevel): void;
  level(): LogLevel;
  /** Resolves when everything logged so far has been handed to the system. */
  flush(): Promise<void>;
}

/** A log in 2.6's line format: `prefix INFO 2026/01/31 23:59:59 message`, local time. */
export function createDaemonLog(options: DaemonLogOptions): DaemonLog {
  let level = options.level ?? "INFO";
  const sinks: Sink[] = [];
  if (options.file !== undefined) sinks.push(createSink(fs.openSync(options.file, "a", 0o644)));
  if (options.stdout ?? options.file === undefined) sinks.push(createSink(1));

  const write = (severity: LogLevel, message: string) => {
    if (WEIGHT[severity] < WEIGHT[level]) return;
    options.syslog?.(severity, message);
    const now = new Date();
    const line = options.json
      ? JSON.stringify({ level: severity, time: isoLocal(now), extra: options.prefix || undefined, message })
      : textLine(options.prefix, severity, now, message);
    for (const sink of sinks) sink.write(`${line}\n`);
  };
  return {
    debug: (message) => write("DEBUG", message),
    info: (message) => write("INFO", message),
    notice: (message) => write("NOTICE", message),
    error: (message) => write("ERROR", message),
    setLevel: (next) => {
      level = next;
    },
    level: () => level,
    flush: async () => {
      await Promise.all(sinks.map((sink) => sink.flush()));
    },
  };
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function textLine(prefix: string, severity: LogLevel, now: Date, message: string): string {
  const date = `${now.getFullYear()}/${two(now.getMonth() + 1)}/${two(now.getDate())}`;
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
  if (severity === "DEBUG") {
    return `DEBUG ${date} ${time}.${String(now.getMilliseconds()).padStart(3, "0")}000 ${message}`;
  }
  return `${prefix === "" ? "" : `${prefix} `}${severity} ${date} ${time} ${message}`;
}

function isoLocal(now: Date): string {
  const offset = -now.getTimezoneOffset();
  const zone =
    offset === 0
      ? "Z"
      : `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `${date}T${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}${zone}`;
}

interface Sink {
  write(line: string): void;
  flush(): Promise<void>;
}

/** Writes in order, one write under way at a time, everything waiting in one go; never holds the loop. */
function createSink(fd: number): Sink {
  let waiting: string[] = [];
  let dropped = 0;
  let running: Promise<void> | undefined;
  let flushing = false;

  const drain = async () => {
    while (waiting.length > 0) {
      const lines = waiting;
      waiting = [];
      if (dropped > 0) lines.unshift(`(${dropped} log lines dropped: output too slow)\n`);
      dropped = 0;
      await writeAll(fd, Buffer.from(lines.join("")));
      // Lines that come in quick succession go out together: a write a line costs more than what it tells of.
      if (!flushing) await Bun.sleep(GATHER_MS);
    }
    running = undefined;
  };
  return {
    write(line) {
      if (waiting.length >= MAX_WAITING_LINES) {
        waiting.shift();
        dropped++;
      }
      waiting.push(line);
      running ??= drain();
    },
    async flush() {
      flushing = true;
      try {
        while (running !== undefined) await running;
      } finally {
        flushing = false;
      }
    },
  };
}

async function writeAll(fd: number, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const written = await new Promise<number>((resolve) => {
      fs.write(fd, bytes, at, bytes.length - at, null, (error, count) => {
        if (error === null || error === undefined) resolve(count);
        // A full pipe of a slow reader: try again. Anything else (closed, disk full) leaves nowhere to say it.
        else if (error.code === "EAGAIN") setTimeout(() => resolve(0), 5);
        else resolve(bytes.length - at);
      });
    });
    at += written;
  }
}
