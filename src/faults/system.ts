/**
 * Errors of the management service that carry data which callers act on. On the wire each is a
 * google.rpc.ErrorInfo whose reason names the type (see wire.ts).
 */

/** The replica asked is not the leader. Callers retry at `leaderHint`, then at each of `replicas`. */
export class NotLeaderError extends Error {
  override readonly name = "NotLeaderError";
  constructor(
    /** "ip:port" of the leader as far as this replica knows, or "". */
    readonly leaderHint: string,
    readonly replicas: readonly string[],
  ) {
    super(
      `not the DAOS Management Service leader (try ${leaderHint || "another replica"} or one of ${replicas.join(",")})`,
    );
  }
}

/** The server asked does not hold a replica of the management service. */
export class NotReplicaError extends Error {
  override readonly name = "NotReplicaError";
  constructor(readonly replicas: readonly string[]) {
    super(`not a DAOS Management Service replica (try one of ${replicas.join(",")})`);
  }
}

/** The system has no database yet, or it is still starting. Callers may retry. */
export class UninitializedError extends Error {
  override readonly name = "UninitializedError";
  constructor() {
    super("system is uninitialized (storage format required?)");
  }
}

/** The replica has not finished starting. Callers may retry; 2.6 clients know it by this very text. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
  constructor() {
    super("raft service unavailable (not started yet?)");
  }
}

/** No pool of that UUID, label or rank. */
export class PoolNotFoundError extends Error {
  override readonly name = "PoolNotFoundError";
  constructor(
    /** How it was looked for, as 2.6 words it: 'uuid 9004…', 'label "tank"', 'rank 7'. */
    readonly pool: string,
  ) {
    super(`unable to find pool service with ${pool}`);
  }
}

/** A member looked for by rank, UUID or address does not exist. */
export class MemberNotFoundError extends Error {
  override readonly name = "MemberNotFoundError";
  constructor(readonly member: string) {
    super(`unable to find member with ${member}`);
  }
}

/** A DAOS status code (negative DER_… number) answered by an engine. */
export class DaosStatusError extends Error {
  override readonly name = "DaosStatusError";
  constructor(
    readonly status: number,
    text: string,
  ) {
    super(text);
  }
}
