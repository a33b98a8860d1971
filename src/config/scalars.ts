/**
 * What a plain YAML scalar means to the reader that DAOS 2.6 is built with (YAML 1.1, with a C-like idea of
 * numbers). A file that 2.6 takes has to mean the same here, so the text is interpreted by these rules and
 * by the type that the key wants, never guessed.
 */

const trueWords = new Set(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]);
const falseWords = new Set(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"]);
const nullWords = new Set(["", "~", "null", "Null", "NULL"]);

export function isNullWord(text: string): boolean {
  return nullWords.has(text);
}

export function parseBool(text: string): boolean | undefined {
  if (trueWords.has(text)) return true;
  return falseWords.has(text) ? false : undefined;
}

const integerForm = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)$/;
const floatForm = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;

/** An integer in any of YAML 1.1's notations (0x13, 0b1, 0755, 1_000, 1e3), else undefined. Never a fraction. */
export function parseInteger(text: string): bigint | undefined {
  const plain = text.replaceAll("_", "");
  const form = integerForm.exec(plain);
  if (form !== null) {
    const digits = form[2] ?? "";
    const octal = /^0[0-7]+$/.test(digits);
    const magnitude = BigInt(octal ? `0o${digits.slice(1)}` : digits.toLowerCase());
    return form[1] === "-" ? -magnitude : magnitude;
  }
  if (!floatForm.test(plain)) return undefined;
  const value = Number(plain);
  return Number.isInteger(value) ? BigInt(value) : undefined;
}

const nanosecondsPerUnit: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/**
 * A duration as Go writes it ("1h15m", "90s", "1.5m") in milliseconds, else undefined. A bare number counts
 * nanoseconds, which is how 2.6 reads it.
 */
export function parseDurationMs(text: string): number | undefined {
  const integer = parseInteger(text);
  if (integer !== undefined) return Number(integer) / 1e6;
  const sign = text.startsWith("-") ? -1 : 1;
  let rest = text.replace(/^[-+]/, "");
  if (rest === "") return undefined;
  let nanoseconds = 0;
  while (rest !== "") {
    const part = /^(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/.exec(rest);
    const unit = part?.[2];
    if (part === null || unit === undefined) return undefined;
    nanoseconds += Number(part[1]) * (nanosecondsPerUnit[unit] ?? 0);
    rest = rest.slice(part[0].length);
  }
  return (sign * nanoseconds) / 1e6;
}

/** Milliseconds as a duration that parseDurationMs reads back. */
export function formatDurationMs(durationMs: number): string {
  if (durationMs === 0) return "0s";
  if (durationMs % 3_600_000 === 0) return `${durationMs / 3_600_000}h`;
  if (durationMs % 60_000 === 0) return `${durationMs / 60_000}m`;
  if (durationMs % 1000 === 0) return `${durationMs / 1000}s`;
  return Number.isInteger(durationMs) ? `${durationMs}ms` : `${Math.round(durationMs * 1e6)}ns`;
}
