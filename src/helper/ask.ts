import { z } from "zod";
import { Fault } from "../faults/fault.ts";
import { type HelperOptions, requestHelper } from "./client.ts";
import type { HelperRequestInit } from "./protocol.ts";

/** PrivilegedHelperRequestFailed of codes-2.6.tsv. */
const REQUEST_FAILED = 5;

/**
 * Runs the helper for one request and checks the answer's shape.
 * @throws Fault as requestHelper does; "helper" 5 as well when the answer has another shape.
 */
export async function askHelper<T extends z.ZodType>(
  request: HelperRequestInit,
  shape: T,
  options?: HelperOptions,
): Promise<z.output<T>> {
  const answer = shape.safeParse(await requestHelper(request, options));
  if (answer.success) return answer.data;
  throw new Fault(
    "helper",
    REQUEST_FAILED,
    `${request.op} failed: the helper answered nonsense: ${z.prettifyError(answer.error)}`,
  );
}

/** 64-bit numbers travel as decimal text: JSON has no integers of that size. */
export const bigintText = z
  .string()
  .regex(/^\d+$/)
  .transform((text) => BigInt(text));
