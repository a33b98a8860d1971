import { causeOf } from "../faults/cause.ts";
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

/** A command that Ctrl-C has ended: the status of a shell for it. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
  readonly exitStatus = 130;
  constructor() {
    super("interrupted");
  }
}

/** 1 for every failure, as in 2.6; an error that has its own status, or whose cause has, sets `exitStatus`. */
export function exitStatusOf(error: unknown): number {
  const statusOf = (thrown: unknown) => (thrown as { exitStatus?: unknown } | undefined)?.exitStatus;
  const own = statusOf(error) ?? statusOf(causeOf(error));
  return typeof own === "number" ? own : 1;
}
