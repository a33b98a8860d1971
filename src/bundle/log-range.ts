/** Which part of a log is wanted, and which lines of it that is. */

/** Local time as logs write it, "20260131235959": such texts compare as times do. Both ends belong to it. */
export interface LogRange {
  readonly from: string;
  readonly to: string;
}

/** What the flags of collect-log and the fields of CollectLog say. "": not given. */
export interface RangeWords {
  /** "1-31-2026". */
  readonly startDate: string;
  readonly endDate: string;
  /** "23:59:59". */
  readonly startTime: string;
  readonly endTime: string;
}

const pad = (text: string) => text.padStart(2, "0");

/**
 * undefined without dates: the whole log, whatever the times say.
 * @throws Error in 2.6's words, saying which date or time is wrong
 */
export function parseLogRange(words: RangeWords): LogRange | undefined {
  const { startDate, endDate } = words;
  const dated = startDate !== "" || endDate !== "";
  const from = dated ? parseDay(startDate, "startDate") : "";
  const to = dated ? parseDay(endDate, "endDate") : "";
  if (from > to) throw new Error("start-date can not be after end-date");
  const start = parseTime(words.startTime || "00:00:00", "log-start-time");
  const end = parseTime(words.endTime || "23:59:59", "log-end-time");
  return dated ? { from: from + start, to: to + end } : undefined;
}

function parseDay(text: string, name: string): string {
  const [, month = "", day = "", year = ""] = /^(\d{1,2})-(\d{1,2})-(\d{4})$/.exec(text) ?? [];
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (month === "" || date.getUTCMonth() + 1 !== Number(month) || date.getUTCDate() !== Number(day)) {
    throw new Error(`Invalid date, please provide the ${name} in MM-DD-YYYY format`);
  }
  return year + pad(month) + pad(day);
}

function parseTime(text: string, name: string): string {
  const [, hour = "", minute = "", second = ""] = /^([01]?\d|2[0-3]):([0-5]?\d):([0-5]?\d)$/.exec(text) ?? [];
  if (hour === "") throw new Error(`Invalid ${name}, please provide the time in HH:MM:SS format`);
  return pad(hour) + pad(minute) + pad(second);
}

/** Engines write "01/31-23:59:59.00 host …", without a year. */
const ENGINE_STAMP = /^(\d\d)\/(\d\d)-(\d\d):(\d\d):(\d\d)\.\d\d/;
/** The control plane writes "2026/01/31 23:59:59", or in JSON "2026-01-31T23:59:59". */
const CONTROL_STAMP = /(\d{4})[/-](\d\d)[/-](\d\d)[ T](\d\d):(\d\d):(\d\d)/;

/** "in", "out", or undefined for a line that goes on from the one before. */
export function judgeLine(line: string, { from, to }: LogRange): "in" | "out" | undefined {
  const engine = ENGINE_STAMP.exec(line);
  if (engine !== null) {
    const time = engine.slice(1).join("");
    // A year left out may be any of the range's.
    const years = Number(to.slice(0, 4)) - Number(from.slice(0, 4));
    const [low, high] = [from.slice(4), to.slice(4)];
    if (years > 1) return "in";
    if (years === 1) return time >= low || time <= high ? "in" : "out";
    return time >= low && time <= high ? "in" : "out";
  }
  const control = CONTROL_STAMP.exec(line);
  if (control === null) return undefined;
  const time = control.slice(1).join("");
  return time >= from && time <= to ? "in" : "out";
}
