import { errorLines } from "../ui/errors.ts";
import { isTold, printJson } from "../ui/json.ts";

/**
 * 2.6's form of a failure: with --json the document, unless the command has printed one; then on standard
 * error one ERROR line, and one more with the way out where there is one.
 */
export function reportFailure(prefix: string, error: unknown, json: boolean): void {
  if (json && !isTold(error)) printJson(null, error);
  for (const line of errorLines(prefix, error)) console.error(line);
}

/** 1 for every failure, as in 2.6; a command that has its own status sets `exitStatus` on the error. */
export function exitStatusOf(error: unknown): number {
  const own = (error as { exitStatus?: unknown } | undefined)?.exitStatus;
  return typeof own === "number" ? own : 1;
}
