import { errorText } from "./fault.ts";

/**
 * An error with a few words put in front, "system query failed: …". What went wrong stays reachable as
 * `cause`, so that fault numbers, resolutions and DAOS statuses survive being told in context.
 */
export function wrapError(prefix: string, error: unknown): Error {
  return new Error(`${prefix}: ${errorText(error)}`, { cause: error });
}

/** The innermost error of a chain of wrapped ones: the one with a number and a resolution. */
export function causeOf(error: unknown): unknown {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  return inner;
}
