/** Lists of properties and attributes on a command line: `key:val[,key:val...]` and `key[,key...]`. */
import { didYouMean } from "../../cli/suggest.ts";

/** Longest name of a property or attribute (daos_types.h: DAOS_ATTR_NAME_MAX). */
export const maxKeyLength = 511;

export interface KeyRules {
  /** Names that may be given; any when absent. */
  readonly allowed?: readonly string[];
  /** Older names and what they are called now. */
  readonly aliases?: ReadonlyMap<string, string>;
}

/**
 * `key:val[,key:val...]` as a map in the order given. Commas and colons inside quotes or after a
 * backslash do not count. @throws Error naming the piece
 */
export function parseSettings(text: string, rules: KeyRules = {}): Map<string, string> {
  if (text === "") throw new Error("empty property");
  const settings = new Map<string, string>();
  for (const piece of splitFields(text, ",")) {
    const fields = splitFields(piece, ":", 1);
    if (fields.length !== 2) throw new Error(`invalid property "${piece}" (must be key:val)`);
    const key = checkedKey(fields[0]!.trim(), rules, "settable");
    const value = fields[1]!.trim();
    if (value === "") throw new Error("value must not be empty");
    settings.set(key, value);
  }
  return settings;
}

/** `key[,key...]`, each once, sorted. @throws Error naming the piece */
export function parseKeys(text: string, rules: KeyRules = {}): string[] {
  if (text === "") throw new Error("key must not be empty");
  const keys = splitFields(text, ",").map((piece) => {
    const key = checkedKey(piece.trim(), rules, "gettable");
    if (splitFields(key, ":").length > 1) throw new Error(`"${key}": key cannot contain ':'`);
    return key;
  });
  return [...new Set(keys)].sort();
}

function checkedKey(key: string, { allowed, aliases }: KeyRules, verb: string): string {
  if (allowed !== undefined && !allowed.includes(key) && !aliases?.has(key)) {
    const hint = didYouMean(key, allowed);
    throw new Error(
      `"${key}" is not a ${verb} property (valid: ${[...allowed].sort().join(",")})${hint === "" ? "" : `; ${hint}`}`,
    );
  }
  if (key === "") throw new Error("key must not be empty");
  if (key.length > maxKeyLength) throw new Error(`"${key}": key too long (${key.length} > ${maxKeyLength})`);
  return aliases?.get(key) ?? key;
}

/** Takes away quotes around a whole value: `"exclude,rebuild"`. */
export function unquote(value: string): string {
  const match = /^(["'])(.*)\1$/s.exec(value);
  return match ? match[2]! : value.replace(/\\([,:])/g, "$1");
}

/** Non-empty fields between separators; at most `maxCuts` cuts are made. Quotes and backslashes stay. */
function splitFields(text: string, separator: string, maxCuts = Number.POSITIVE_INFINITY): string[] {
  const fields: string[] = [];
  let field = "";
  let quote = "";
  let escaped = false;
  let cuts = 0;
  for (const char of text) {
    if (!escaped && (char === '"' || char === "'")) {
      if (quote === "") quote = char;
      else if (quote === char) quote = "";
    }
    if (char === separator && quote === "" && !escaped && cuts < maxCuts) {
      if (field !== "") fields.push(field);
      field = "";
      cuts++;
      continue;
    }
    escaped = char === "\\" && !escaped;
    field += char;
  }
  if (field !== "") fields.push(field);
  return fields;
}
