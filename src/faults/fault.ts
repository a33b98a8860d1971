/**
 * A known error with a stable number. It crosses gRPC unharmed (see wire.ts) and is what every room
 * throws when a person has to act.
 */
export class Fault extends Error {
  override readonly name = "Fault";

  constructor(
    /** The room that raised it, in the field's words: "server", "client", "storage", "scm" … */
    readonly domain: string,
    /** Stable number; the `fault` rows of test/reference/codes-2.6.tsv. */
    readonly code: number,
    /** What went wrong and where. One line. */
    readonly description: string,
    /** How to mend it; empty when nothing sensible can be advised. */
    readonly resolution = "",
    /** The lower-level cause, as text. */
    readonly reason = "",
  ) {
    super(faultText(domain, code, description, reason));
  }
}

/** `<domain>: code = N description = "…"`, the form that scripts around 2.6 look for. */
function faultText(domain: string, code: number, description: string, reason: string): string {
  const cause = reason === "" ? "" : ` reason = ${JSON.stringify(reason)}`;
  return `${domain}: code = ${code} description = ${JSON.stringify(description)}${cause}`;
}

/** The second line of an error on a terminal, or undefined when there is no advice. */
export function faultResolution(fault: Fault): string | undefined {
  if (fault.resolution === "") return undefined;
  return `${fault.domain}: code = ${fault.code} resolution = ${JSON.stringify(fault.resolution)}`;
}

/** True when `error` is a Fault, of that number if one is given. */
export function isFault(error: unknown, code?: number): error is Fault {
  return error instanceof Fault && (code === undefined || error.code === code);
}

/** The text of anything thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
