import { errorText, Fault, faultResolution } from "../faults/fault.ts";

/** Status of a `--json` document whose command failed (2.6: DER_MISC, whatever the error). */
const JSON_FAILURE_STATUS = -1025;

let documentWritten = false;

/** Said by whoever printed the `--json` document of this run, so that a failure prints no second one. */
export function markDocumentWritten(): void {
  documentWritten = true;
}

/** 2.6's form on a terminal: one ERROR line, and one more with the way out where there is one. */
export function reportFailure(prefix: string, error: unknown, json: boolean): void {
  const lead = prefix === "" ? "ERROR: " : `ERROR: ${prefix}: `;
  if (json && !documentWritten) {
    const document = { response: null, error: errorText(error), status: JSON_FAILURE_STATUS };
    console.log(JSON.stringify(document, null, 2));
  }
  console.error(lead + errorText(error));
  const resolution = error instanceof Fault ? faultResolution(error) : undefined;
  if (resolution !== undefined) console.error(lead + resolution);
}

/** 1 for every failure, as in 2.6; a command that has its own status sets `exitStatus` on the error. */
export function exitStatusOf(error: unknown): number {
  const own = (error as { exitStatus?: unknown } | undefined)?.exitStatus;
  return typeof own === "number" ? own : 1;
}
