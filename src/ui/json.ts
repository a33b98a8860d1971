/**
 * The document of `--json`: `{"response": …, "error": …, "status": …}`, in the very form 2.6 prints it
 * (Go's json.MarshalIndent with two spaces), because tools compare and parse it.
 */
import { causeOf } from "../faults/cause.ts";
import { DaosStatusError } from "../faults/system.ts";

/** What may stand in a document. bigint becomes a number without loss; undefined fields are left out. */
export type Json =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | ReadonlyMap<string, Json>
  | JsonObject;
/** A Map keeps its own order of fields where an object would put names like "10" first. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/** DER_MISC: the status of every error that has none of its own. */
const statusMisc = -1025;

const told = new WeakSet<Error>();

/** Writes a document to stdout. A command prints one, whatever happens; see isTold. */
export function printJson(response: Json, error?: unknown): void {
  if (error instanceof Error) told.add(error);
  console.log(jsonDocument(response, error));
}

/** True when a document has told of `error`, or of what it wraps: then there must not be a second one. */
export function isTold(error: unknown): boolean {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (told.has(inner)) return true;
  }
  return false;
}

/** The document's text, without the line break at its end. */
export function jsonDocument(response: Json, error?: unknown): string {
  return jsonText({
    response: response ?? null,
    error: error === undefined || error === null ? null : messageOf(error),
    status: statusOf(error),
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function statusOf(error: unknown): number {
  if (error === undefined || error === null) return 0;
  const cause = causeOf(error);
  return cause instanceof DaosStatusError ? cause.status : statusMisc;
}

/** `value` as indented JSON text. */
export function jsonText(value: Json, indent = ""): string {
  if (value === null || value === undefined) return "null";
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
      return Number.isFinite(value) ? JSON.stringify(value) : "null";
    case "bigint":
    case "boolean":
      return String(value);
    default:
      if (value instanceof Map) return fieldsText([...value], indent);
      return isList(value) ? listText(value, indent) : fieldsText(Object.entries(value), indent);
  }
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}

function listText(list: readonly Json[], indent: string): string {
  if (list.length === 0) return "[]";
  const inner = `${indent}  `;
  return `[\n${list.map((item) => inner + jsonText(item, inner)).join(",\n")}\n${indent}]`;
}

function fieldsText(entries: readonly [string, Json][], indent: string): string {
  const inner = `${indent}  `;
  const fields: string[] = [];
  for (const [key, value] of entries) {
    if (value !== undefined) fields.push(`${inner}${quote(key)}: ${jsonText(value, inner)}`);
  }
  return fields.length === 0 ? "{}" : `{\n${fields.join(",\n")}\n${indent}}`;
}

/** Go escapes what could end a script in a web page, and has no short forms for backspace and form feed. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    /\\\\|\\b|\\f|[<>&\u2028\u2029]/g,
    (piece) => goEscapes[piece] ?? piece,
  );
}

const goEscapes: Record<string, string> = {
  "\\b": "\\u0008",
  "\\f": "\\u000c",
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};
