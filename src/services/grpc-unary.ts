import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { encodeFrame, encodeStatusMessage, frameHeaderBytes, parseTimeoutMs } from "../client/grpc.ts";
import { RpcCode, RpcError, type RpcStatus } from "../faults/rpc.ts";
import { statusFromError } from "../faults/wire.ts";
import { componentHeader, versionHeader } from "../security/interop.ts";
import type { Callers } from "./callers.ts";
import type { Chain, IncomingCall } from "./chain.ts";
import type { RpcLimits } from "./limits.ts";
import { checkPeer, type Peer } from "./peer.ts";
import type { MethodTable } from "./service.ts";

/** What the handler of streams needs of its server. */
export interface UnaryHost {
  readonly table: MethodTable;
  readonly chain: Chain;
  readonly limits: RpcLimits;
  readonly callers: Callers;
}

/** "application/grpc", "application/grpc+proto", either with parameters. */
export function isGrpcContentType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(\+proto)?(;|$)/.test(contentType);
}

/**
 * Answers one unary gRPC call on its HTTP/2 stream. It is written straight on streams because the control plane's
 * hot path is here: the same call through a general framework costs several times the CPU (docs/notes/rpc-soak.md).
 */
export function handleUnary(
  host: UnaryHost,
  peer: Peer,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): void {
  const found = host.table.find(headers[":path"] ?? "");
  if ("unknown" in found) {
    refuseStream(stream, { code: RpcCode.Unimplemented, message: found.unknown });
    return;
  }
  const problem = headerProblem(headers);
  if (problem !== undefined) {
    refuseStream(stream, problem);
    return;
  }
  if (!host.callers.beginCall(peer.caller)) {
    refuseStream(stream, { code: RpcCode.ResourceExhausted, message: "too many calls run at once" });
    return;
  }
  stream.on("close", () => host.callers.endCall(peer.caller));

  let answered = false;
  let aborter: AbortController | undefined;
  let abortReason: Error | undefined;
  let timer: NodeJS.Timeout | undefined;

  const abort = (name: "AbortError" | "TimeoutError", text: string): void => {
    abortReason ??= new DOMException(text, name) as unknown as Error;
    aborter?.abort(abortReason);
  };
  const call: IncomingCall = {
    method: found,
    certified: peer.certified,
    node: peer.node,
    componentHeader: one(headers[componentHeader]),
    versionHeader: one(headers[versionHeader]),
    peerAddr: peer.addr,
    admit: () => checkPeer(peer),
    get signal() {
      if (aborter === undefined) {
        aborter = new AbortController();
        if (abortReason !== undefined) aborter.abort(abortReason);
      }
      return aborter.signal;
    },
  };
  const answer = (status: RpcStatus | undefined, message?: Uint8Array): void => {
    if (answered) return;
    answered = true;
    clearTimeout(timer);
    if (status !== undefined) refuseStream(stream, status);
    else if (message !== undefined) respond(stream, message);
  };

  const timeout = one(headers["grpc-timeout"]);
  if (timeout !== undefined) {
    const timeoutMs = parseTimeoutMs(timeout);
    if (timeoutMs === undefined) {
      refuseStream(stream, { code: RpcCode.Internal, message: `malformed grpc-timeout: ${timeout}` });
      return;
    }
    // Beyond 24 days the timer would overflow; no call lives that long.
    timer = setTimeout(
      () => {
        abort("TimeoutError", "the deadline of the call has passed");
        answer({ code: RpcCode.DeadlineExceeded, message: "context deadline exceeded" });
      },
      Math.min(timeoutMs, 0x7fffffff),
    );
  }
  stream.on("close", () => {
    if (answered) return;
    answered = true;
    clearTimeout(timer);
    abort("AbortError", "the caller has given up");
  });

  receiveMessage(host, peer, stream, (received) => {
    if (answered) return;
    if (received instanceof RpcError) {
      answer(statusFromError(received));
      // Asks a caller that is still sending to stop (RFC 9113, 8.1); its answer is out.
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
      return;
    }
    host.chain.run(call, received).then(
      (message) => answer(undefined, message),
      (error: unknown) => answer(statusFromError(error)),
    );
  });
}

/** Collects the one message of the request and tells it, or what is wrong with it, once. */
function receiveMessage(
  host: UnaryHost,
  { caller }: Peer,
  stream: ServerHttp2Stream,
  done: (received: Uint8Array | RpcError) => void,
) {
  const { limits, callers } = host;
  const chunks: Buffer[] = [];
  let size = 0;
  let settled = false;
  const settle = (received: Uint8Array | RpcError): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    done(received);
  };
  const timer = setTimeout(
    () => settle(new RpcError(RpcCode.DeadlineExceeded, "the request message did not arrive in time")),
    limits.receiveTimeoutMs,
  );
  stream.on("data", (chunk: Buffer) => {
    if (settled) return;
    size += chunk.length;
    const mayHold = callers.hold(caller, chunk.length);
    if (size - frameHeaderBytes > limits.maxMessageBytes) settle(tooLarge(size - frameHeaderBytes, limits));
    else if (!mayHold) {
      settle(new RpcError(RpcCode.ResourceExhausted, "too many requests are being received at once"));
    } else {
      chunks.push(chunk);
      return;
    }
    chunks.length = 0;
  });
  stream.on("end", () => {
    if (!settled) settle(parseMessage(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), limits));
  });
  stream.on("error", () => {
    // The stream closes next; that is where the call is given up.
  });
  stream.on("close", () => {
    settled = true;
    clearTimeout(timer);
    callers.release(caller, size);
  });
}

/** Takes the one message out of a request body. */
function parseMessage(body: Buffer, limits: RpcLimits): Uint8Array | RpcError {
  if (body.length === 0) return new RpcError(RpcCode.Unimplemented, "the request has no message");
  if (body.length < frameHeaderBytes)
    return new RpcError(RpcCode.Internal, "the request ends within a frame header");
  const flag = body[0];
  const length = body.readUInt32BE(1);
  const rest = body.length - frameHeaderBytes;
  if (flag === 1) {
    return new RpcError(RpcCode.Internal, "grpc: compressed flag set with identity or empty encoding");
  }
  if (flag !== 0) return new RpcError(RpcCode.Internal, `grpc: received unexpected payload format ${flag}`);
  if (length > limits.maxMessageBytes) return tooLarge(length, limits);
  if (rest < length)
    return new RpcError(RpcCode.Internal, `the request ends within a message (${rest} of ${length} bytes)`);
  if (rest > length) return new RpcError(RpcCode.Unimplemented, "the request has more than one message");
  return body.subarray(frameHeaderBytes);
}

function tooLarge(size: number, limits: RpcLimits): RpcError {
  return new RpcError(
    RpcCode.ResourceExhausted,
    `grpc: received message larger than max (${size} vs. ${limits.maxMessageBytes})`,
  );
}

function headerProblem(headers: IncomingHttpHeaders): RpcStatus | undefined {
  const encoding = one(headers["grpc-encoding"]);
  if (encoding !== undefined && encoding !== "identity") {
    return {
      code: RpcCode.Unimplemented,
      message: `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`,
    };
  }
  return undefined;
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

const okHeaders = { ":status": 200, "content-type": "application/grpc" };
const okTrailers = { "grpc-status": "0" };

function respond(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond(okHeaders, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(okTrailers));
  stream.end(encodeFrame(message));
}

/** Answers a status alone, as trailers without a body. What the caller still sends is thrown away. */
export function refuseStream(stream: ServerHttp2Stream, status: RpcStatus): void {
  if (stream.destroyed || stream.closed) return;
  const headers: Record<string, string | number> = {
    ":status": 200,
    "content-type": "application/grpc",
    "grpc-status": String(status.code),
  };
  if (status.message !== "") headers["grpc-message"] = encodeStatusMessage(status.message);
  if (status.code === RpcCode.Unimplemented) headers["grpc-accept-encoding"] = "identity";
  if (status.details !== undefined) {
    headers["grpc-status-details-bin"] = Buffer.from(status.details).toString("base64").replace(/=+$/, "");
  }
  stream.respond(headers, { endStream: true });
  if (!stream.readableEnded) stream.resume();
}
