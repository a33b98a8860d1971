import { Status } from "../gen/drpc_pb.ts";

export { Status };

const texts: Readonly<Record<Status, string>> = {
  [Status.SUCCESS]: "success",
  [Status.SUBMITTED]: "the call was queued and has no answer yet",
  [Status.FAILURE]: "the call failed",
  [Status.UNKNOWN_MODULE]: "unknown module",
  [Status.UNKNOWN_METHOD]: "unknown method",
  [Status.FAILED_UNMARSHAL_CALL]: "the call could not be decoded",
  [Status.FAILED_UNMARSHAL_PAYLOAD]: "the body of the call could not be decoded",
  [Status.FAILED_MARSHAL]: "the answer could not be encoded",
};

/** The name 2.6 gives to a status, or its number when it has none. */
export function statusName(status: number): string {
  return Status[status] ?? String(status);
}

/**
 * A dRPC status other than SUCCESS. A handler throws it to answer that status; a client throws it when it
 * got that answer.
 */
export class DrpcStatusError extends Error {
  override readonly name = "DrpcStatusError";
  constructor(
    readonly status: Status,
    /** What was called or what went wrong; stays on this side of the wire, an answer carries the number only. */
    readonly detail = "",
  ) {
    const text = `dRPC status ${statusName(status)}: ${texts[status] ?? "unknown status"}`;
    super(detail === "" ? text : `${text} (${detail})`);
  }
}

/** The status that tells a peer about `error`: its own for a DrpcStatusError, FAILURE for anything else. */
export function statusOf(error: unknown): Status {
  return error instanceof DrpcStatusError ? error.status : Status.FAILURE;
}
