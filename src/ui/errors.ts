import { causeOf } from "../faults/cause.ts";
import { errorText, Fault, faultResolution } from "../faults/fault.ts";
import { DaosStatusError } from "../faults/system.ts";
import { statusHint } from "./status-hints.ts";

/**
 * The lines an error ends a command with, as 2.6 writes them: `ERROR: dmg: <what>` and, when there is
 * advice, `ERROR: dmg: <domain>: code = N resolution = "…"`. `program` is "" where 2.6 names none.
 */
export function errorLines(program: string, error: unknown): string[] {
  const lead = program === "" ? "ERROR: " : `ERROR: ${program}: `;
  const advice = adviceFor(causeOf(error));
  return [lead + errorText(error), ...(advice === undefined ? [] : [lead + advice])];
}

function adviceFor(cause: unknown): string | undefined {
  if (cause instanceof Fault) return faultResolution(cause);
  if (!(cause instanceof DaosStatusError)) return undefined;
  const hint = statusHint(cause.status);
  return hint === undefined ? undefined : `DER status ${cause.status}: hint = "${hint}"`;
}

/** For tables: the description alone of a fault, the text of anything else. */
export function shortErrorText(error: unknown): string {
  const cause = causeOf(error);
  return cause instanceof Fault ? cause.description : errorText(cause);
}
