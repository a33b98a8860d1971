/**
 * The DAOS status codes the emulated engine answers with (codes-2.6.tsv, table `status`). They travel as
 * negative numbers in the `status` field of a response.
 */
export const Der = {
  SUCCESS: 0,
  NO_PERM: -1001,
  NO_HDL: -1002,
  INVAL: -1003,
  EXIST: -1004,
  NONEXIST: -1005,
  UNREACH: -1006,
  NOSPACE: -1007,
  ALREADY: -1008,
  NOSYS: -1010,
  TIMEDOUT: -1011,
  BUSY: -1012,
  AGAIN: -1013,
  PROTO: -1014,
  UNINIT: -1015,
  OOG: -1019,
  IO: -2001,
  NOTLEADER: -2008,
  NOTREPLICA: -2020,
  NOTSUPPORTED: -2037,
} as const;

/** A refused operation; `status` is what the caller of the dRPC method reads. */
export class DerError extends Error {
  readonly status: number;

  constructor(status: number, what: string) {
    super(`${what} (${status})`);
    this.name = "DerError";
    this.status = status;
  }
}

/** The status a failure is answered with: its own, or DER_IO for anything unforeseen. */
export function statusOf(error: unknown): number {
  return error instanceof DerError ? error.status : Der.IO;
}
