import { appendFileSync, closeSync, openSync } from "node:fs";
import type { Logger, LogLevel } from "../../log/logger.ts";

const weights: Readonly<Record<string, number>> = {
  TRACE: 0,
  DBUG: 0,
  DEBUG: 0,
  INFO: 1,
  NOTE: 2,
  WARN: 3,
  ERR: 4,
  ERROR: 4,
  CRIT: 5,
  ALRT: 5,
  EMRG: 5,
  EMIT: 5,
  DISABLED: 6,
};

/** Lowest weight that is written, from a D_LOG_MASK such as `INFO`, `DEBUG` or `ERR,mgmt=DBUG`. */
export function maskWeight(mask: string): number | undefined {
  let found: number | undefined;
  for (const word of mask.split(",")) {
    const level = word.includes("=") ? word.slice(word.indexOf("=") + 1) : word;
    const weight = weights[level.trim().toUpperCase()];
    if (weight === undefined) return undefined;
    // The chattiest facility decides: this log has but one facility.
    found = found === undefined ? weight : Math.min(found, weight);
  }
  return found;
}

/** The emulated engine's log: a file as daos_engine's, or stdout without one. */
export interface EngineLog extends Logger {
  readonly mask: string;
  /** false when the mask is not one. */
  setMask(mask: string): boolean;
  /** A line for the server's log as well as for this one (D_PRINT in the engine). */
  print(line: string): void;
  close(): void;
}

function stamp(now: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return (
    `${two(now.getMonth() + 1)}/${two(now.getDate())}-${two(now.getHours())}:${two(now.getMinutes())}:` +
    `${two(now.getSeconds())}.${String(now.getMilliseconds()).padStart(3, "0")}`
  );
}

/** Opens the log. A file that cannot be opened is a note on stderr, not a reason to stop: as in the engine. */
export function openEngineLog(file: string | undefined, mask: string, instance: number): EngineLog {
  let fd: number | undefined;
  if (file !== undefined) {
    try {
      fd = openSync(file, "a", 0o644);
    } catch (error) {
      console.error(`emulated engine: cannot open log ${file}: ${(error as Error).message}`);
    }
  }
  let current = mask;
  let lowest = maskWeight(mask) ?? 1;
  const write = (level: LogLevel | "PRINT", message: string) => {
    const line = `${stamp(new Date())} emulated engine [${process.pid}/${instance}] ${level.padEnd(6)} ${message}\n`;
    if (fd !== undefined) appendFileSync(fd, line);
    else if (level !== "PRINT") process.stdout.write(line);
  };
  return {
    get mask() {
      return current;
    },
    setMask(next) {
      const weight = maskWeight(next);
      if (weight === undefined) return false;
      current = next;
      lowest = weight;
      return true;
    },
    debug(message) {
      if (lowest <= 0) write("DEBUG", message);
    },
    info(message) {
      if (lowest <= 1) write("INFO", message);
    },
    notice(message) {
      if (lowest <= 2) write("NOTICE", message);
    },
    error(message) {
      if (lowest <= 4) write("ERROR", message);
    },
    print(line) {
      process.stdout.write(`${line}\n`);
      write("PRINT", line);
    },
    close() {
      if (fd === undefined) return;
      closeSync(fd);
      fd = undefined;
    },
  };
}
