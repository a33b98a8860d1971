import { causeOf } from "../faults/cause.ts";
import { isConnectionFault, isRetryableConnectionFault } from "../faults/client.ts";
import { FaultCode } from "../faults/codes.ts";
import { errorText, isFault } from "../faults/fault.ts";
import { UnavailableError, UninitializedError } from "../faults/system.ts";

/** Nobody answered at that address, or not as whom we need. */
export function isConnectionError(error: unknown): boolean {
  const cause = causeOf(error);
  return isConnectionFault(cause) || isFault(cause, FaultCode.SecurityInvalidCert);
}

/** A connection that may come back by itself. */
export function isRetryableConnectionError(error: unknown): boolean {
  return isRetryableConnectionFault(causeOf(error));
}

export function isTimeout(error: unknown): boolean {
  const cause = causeOf(error);
  return isFault(cause, FaultCode.ClientConnectionTimedOut) || isFault(cause, FaultCode.ClientRpcTimeout);
}

/** The replica is starting; 2.6 peers know it by its text alone. */
export function isUnavailable(error: unknown): boolean {
  const cause = causeOf(error);
  return cause instanceof UnavailableError || errorText(cause).includes(new UnavailableError().message);
}

/** The system has not been formatted. */
export function isUninitialized(error: unknown): boolean {
  const cause = causeOf(error);
  return cause instanceof UninitializedError || errorText(cause).includes(new UninitializedError().message);
}

export function isNotReady(error: unknown): boolean {
  return isUnavailable(error) || isUninitialized(error);
}

/** No replica of the management service could be reached at all. */
export class ManagementUnreachableError extends Error {
  override readonly name = "ManagementUnreachableError";
  constructor(cause: unknown) {
    super(`${errorText(cause)}: unable to contact the DAOS Management Service`, { cause });
  }
}

export function isManagementUnreachable(error: unknown): boolean {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof ManagementUnreachableError) return true;
  }
  return false;
}
