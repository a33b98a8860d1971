/** gRPC status codes (https://grpc.io/docs/guides/status-codes/), by the names grpc-go prints. */
export const RpcCode = {
  OK: 0,
  Canceled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const;
export type RpcCode = (typeof RpcCode)[keyof typeof RpcCode];

const names = Object.fromEntries(Object.entries(RpcCode).map(([name, code]) => [code, name]));

/** "PermissionDenied"; a number outside the table is printed as grpc-go does: "Code(99)". */
export function rpcCodeName(code: number): string {
  return names[code] ?? `Code(${code})`;
}

/** A gRPC status as it stands in trailers. */
export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  /** An encoded google.rpc.Status (grpc-status-details-bin), when there is more to say than text. */
  readonly details?: Uint8Array | undefined;
}

/**
 * A gRPC status that is none of the project's known errors: a refusal by the chain, a peer's plain error,
 * a detail of a later version. Its text is the one grpc-go prints, and it crosses further hops unchanged.
 */
export class RpcError extends Error {
  override readonly name = "RpcError";
  constructor(
    readonly code: number,
    /** The peer's own words, without the code. */
    readonly description: string,
    /** The encoded google.rpc.Status it came with. */
    readonly details?: Uint8Array,
  ) {
    super(`rpc error: code = ${rpcCodeName(code)} desc = ${description}`);
  }
}

/** True when `error` is a gRPC status of that code. */
export function isRpcError(error: unknown, code: number): error is RpcError {
  return error instanceof RpcError && error.code === code;
}
