import { causeOf } from "./cause.ts";
import { daosStatusError } from "./daos-status.ts";
import { errorText, Fault } from "./fault.ts";
import { RpcCode, RpcError, type RpcStatus } from "./rpc.ts";
import {
  decodeErrorInfo,
  decodeStatusProto,
  type ErrorInfo,
  encodeErrorInfo,
  encodeStatusProto,
  errorInfoTypeUrl,
} from "./status-proto.ts";
import {
  DaosStatusError,
  MemberNotFoundError,
  NotLeaderError,
  NotReplicaError,
  PoolNotFoundError,
  UnavailableError,
  UninitializedError,
} from "./system.ts";

/**
 * Errors to and from gRPC, as 2.6 encodes them: a known error is status Internal with one google.rpc.ErrorInfo
 * whose reason names the type; any other is status Unknown with its text; a call given up is Canceled or
 * DeadlineExceeded. 2.6's clients know some errors by their text alone, and so does `errorFromStatus`.
 */
const reasonFault = "proto.fault.Fault";
const reasonDaosStatus = "proto.daos.DaosStatus";
const reasonNotLeader = "proto.system.ErrNotLeader";
const reasonNotReplica = "proto.system.ErrNotReplica";
const reasonPoolNotFound = "proto.system.ErrPoolNotFound";
const daosDomain = "DAOS";

/** The status that tells a peer of `error`. Never throws. */
export function statusFromError(error: unknown): RpcStatus {
  if (error instanceof RpcError) {
    return { code: error.code, message: error.description, details: error.details };
  }
  // A known error that was wrapped on its way here is told as itself, as 2.6 does.
  const cause = causeOf(error);
  const info = errorInfo(cause);
  if (info !== undefined) {
    const message = errorText(cause);
    const details = encodeStatusProto({
      code: RpcCode.Internal,
      message,
      details: [{ typeUrl: errorInfoTypeUrl, value: encodeErrorInfo(info) }],
    });
    return { code: RpcCode.Internal, message, details };
  }
  if (cause instanceof RpcError) {
    return { code: cause.code, message: errorText(error), details: cause.details };
  }
  if (cause instanceof Error) {
    if (cause.name === "AbortError") return { code: RpcCode.Canceled, message: "context canceled" };
    if (cause.name === "TimeoutError") {
      return { code: RpcCode.DeadlineExceeded, message: "context deadline exceeded" };
    }
  }
  return { code: RpcCode.Unknown, message: errorText(error) };
}

/**
 * The error that a peer's status tells of: the project's own types where the peer raised one, RpcError for
 * everything else. Details that cannot be read are left aside; the text stands.
 */
export function errorFromStatus(status: RpcStatus): Error {
  if (status.details !== undefined) {
    const known = errorFromDetails(status.details);
    if (known !== undefined) return known;
  }
  if (status.code === RpcCode.Unknown) {
    const known = errorFromText(status.message);
    if (known !== undefined) return known;
  }
  return new RpcError(status.code, status.message, status.details);
}

function errorInfo(error: unknown): ErrorInfo | undefined {
  if (error instanceof Fault) {
    return {
      reason: reasonFault,
      domain: error.domain,
      metadata: {
        Domain: error.domain,
        Code: String(error.code),
        Description: error.description,
        Reason: error.reason,
        Resolution: error.resolution,
      },
    };
  }
  if (error instanceof DaosStatusError) {
    return { reason: reasonDaosStatus, domain: daosDomain, metadata: { Status: String(error.status) } };
  }
  if (error instanceof NotReplicaError) {
    return {
      reason: reasonNotReplica,
      domain: daosDomain,
      metadata: { Replicas: JSON.stringify(error.replicas) },
    };
  }
  if (error instanceof NotLeaderError) {
    return {
      reason: reasonNotLeader,
      domain: daosDomain,
      metadata: { LeaderHint: error.leaderHint, Replicas: JSON.stringify(error.replicas) },
    };
  }
  if (error instanceof PoolNotFoundError) {
    return {
      reason: reasonPoolNotFound,
      domain: daosDomain,
      metadata: { PoolInfo: JSON.stringify(poolInfo(error.pool)) },
    };
  }
  return undefined;
}

function errorFromDetails(details: Uint8Array): Error | undefined {
  try {
    for (const detail of decodeStatusProto(details).details) {
      if (!detail.typeUrl.endsWith("/google.rpc.ErrorInfo")) continue;
      const error = errorFromInfo(decodeErrorInfo(detail.value));
      if (error !== undefined) return error;
    }
  } catch {
    // Not what 2.6 writes: the caller falls back to the status text, which is always there.
  }
  return undefined;
}

function errorFromInfo(info: ErrorInfo): Error | undefined {
  const meta = info.metadata;
  switch (info.reason) {
    case reasonFault:
      return new Fault(
        meta["Domain"] ?? info.domain,
        wholeNumber(meta["Code"]),
        meta["Description"] ?? "",
        meta["Resolution"] ?? "",
        meta["Reason"] ?? "",
      );
    case reasonDaosStatus:
      return daosStatusError(wholeNumber(meta["Status"]));
    case reasonNotReplica:
      return new NotReplicaError(textList(meta["Replicas"]));
    case reasonNotLeader:
      return new NotLeaderError(meta["LeaderHint"] ?? "", textList(meta["Replicas"]));
    case reasonPoolNotFound:
      return new PoolNotFoundError(poolText(meta["PoolInfo"]));
    default:
      return undefined;
  }
}

/** Errors without a detail of their own, which 2.6 finds anywhere in the text. */
function errorFromText(text: string): Error | undefined {
  const uninitialized = new UninitializedError();
  if (text.includes(uninitialized.message)) return withText(uninitialized, text);
  const unavailable = new UnavailableError();
  if (text.includes(unavailable.message)) return withText(unavailable, text);
  const member = /^unable to find member with (.*)$/.exec(text);
  if (member !== null) return new MemberNotFoundError(member[1] ?? "");
  return undefined;
}

/** Keeps what the peer wrapped around a known text ("join: system is uninitialized …"). */
function withText<E extends Error>(error: E, text: string): E {
  error.message = text;
  return error;
}

function wholeNumber(text: string | undefined): number {
  if (text === undefined || !/^-?\d{1,10}$/.test(text)) throw new Error(`not a number: ${text}`);
  return Number(text);
}

/** A JSON array of strings; Go writes an empty list as null. */
function textList(json: string | undefined): string[] {
  const list: unknown = JSON.parse(json ?? "null");
  if (list === null) return [];
  if (!Array.isArray(list) || !list.every((item) => typeof item === "string")) throw new Error("not a list");
  return list;
}

interface PoolInfo {
  readonly Rank: number | null;
  readonly UUID: string | null;
  readonly Label: string | null;
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** From the words of a PoolNotFoundError ('uuid …', 'label "…"', 'rank N', or a bare UUID or label). */
function poolInfo(pool: string): PoolInfo {
  const none = { Rank: null, UUID: null, Label: null };
  const rank = /^rank (\d+)$/.exec(pool);
  if (rank !== null) return { ...none, Rank: Number(rank[1]) };
  const uuid = pool.replace(/^uuid /, "");
  if (uuidPattern.test(uuid)) return { ...none, UUID: uuid };
  return { ...none, Label: quotedLabel(pool) ?? pool };
}

function poolText(json: string | undefined): string {
  const info = JSON.parse(json ?? "null") as Partial<PoolInfo> | null;
  if (typeof info?.Rank === "number") return `rank ${info.Rank}`;
  if (typeof info?.UUID === "string") return `uuid ${info.UUID}`;
  return `label ${JSON.stringify(info?.Label ?? "")}`;
}

function quotedLabel(pool: string): string | undefined {
  if (!pool.startsWith('label "')) return undefined;
  try {
    return String(JSON.parse(pool.slice("label ".length)));
  } catch {
    // Not quoted by us: then the whole text is the label.
    return undefined;
  }
}
