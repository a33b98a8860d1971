import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";

/** Which part of a log is wanted, in local time as logs are written. */
export interface LogRange {
  readonly from: Date;
  readonly to: Date;
}

function parseDate(date: string, time: string): Date {
  const day = /^(\d{1,2})-(\d{1,2})-(\d{4})$/.exec(date);
  const clock = /^(\d{1,2}):(\d{1,2}):(\d{1,2})$/.exec(time);
  if (day === null || clock === null)
    throw new Error(`parsing time "${date} ${time}": want MM-DD-YYYY HH:MM:SS`);
  const [month = 0, dayOfMonth = 0, year = 0] = day.slice(1).map(Number);
  const [hour = 0, minute = 0, second = 0] = clock.slice(1).map(Number);
  return new Date(year, month - 1, dayOfMonth, hour, minute, second);
}

/** undefined when no dates were given: the whole log. @throws Error naming the date that cannot be read */
export function parseLogRange(request: {
  readonly LogStartDate: string;
  readonly LogEndDate: string;
  readonly LogStartTime: string;
  readonly LogEndTime: string;
}): LogRange | undefined {
  if (request.LogStartDate === "" && request.LogEndDate === "") return undefined;
  return {
    from: parseDate(request.LogStartDate, request.LogStartTime || "00:00:00"),
    to: parseDate(request.LogEndDate, request.LogEndTime || "23:59:59"),
  };
}

/** Engines write "01/31-23:59:59.00 host …", without a year; the control plane "2026/01/31 23:59:59". */
const ENGINE_STAMP = /^(\d\d)\/(\d\d)-(\d\d):(\d\d):(\d\d)/;
const CONTROL_STAMP = /(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d)/;

/** When a line was written, or undefined for one that goes on from the line before. */
export function lineTime(line: string, range: LogRange): Date | undefined {
  const control = CONTROL_STAMP.exec(line);
  if (control !== null) {
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = control.slice(1).map(Number);
    return new Date(year, month - 1, day, hour, minute, second);
  }
  const engine = ENGINE_STAMP.exec(line);
  if (engine === null) return undefined;
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = engine.slice(1).map(Number);
  // The year that is left out is that of the range's end, or the one before where it spans a new year.
  const stamp = new Date(range.to.getFullYear(), month - 1, day, hour, minute, second);
  if (stamp > range.to && range.from.getFullYear() < range.to.getFullYear()) {
    stamp.setFullYear(range.from.getFullYear());
  }
  return stamp;
}

/** Copies the lines of a log that fall in the range, continuation lines with those they belong to. */
export async function copyLogLines(source: string, target: string, range: LogRange): Promise<void> {
  const input = createInterface({ input: createReadStream(source), crlfDelay: Number.POSITIVE_INFINITY });
  const output = await open(target, "w", 0o600);
  let inside = false;
  let waiting: string[] = [];
  try {
    for await (const line of input) {
      const stamp = lineTime(line, range);
      if (stamp !== undefined) inside = stamp >= range.from && stamp <= range.to;
      if (inside) waiting.push(line);
      if (waiting.length >= 1000) {
        await output.write(`${waiting.join("\n")}\n`);
        waiting = [];
      }
    }
    if (waiting.length > 0) await output.write(`${waiting.join("\n")}\n`);
  } finally {
    await output.close();
  }
}
