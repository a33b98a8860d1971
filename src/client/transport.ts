import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { faultRpcTimeout } from "../faults/client.ts";
import { RpcCode, RpcError } from "../faults/rpc.ts";
import { errorFromStatus } from "../faults/wire.ts";
import { componentHeader, versionHeader, wireVersion } from "../security/interop.ts";
import type { Component } from "../security/roles.ts";
import type { TransportSecurity } from "../security/tls.ts";
import { daosctlVersion } from "../version.ts";
import { type Connection, connectionTo, takePlace } from "./connection.ts";
import { connectionFault, nameOurCertificate } from "./connection-fault.ts";
import { decodeStatusMessage, encodeFrame, formatTimeout, frameHeaderBytes } from "./grpc.ts";

export { closeConnections } from "./connection.ts";

export interface CallOptions {
  readonly security: TransportSecurity;
  /** From now to the answer, connecting included. */
  readonly timeoutMs: number;
  readonly component: Component;
  readonly signal?: AbortSignal | undefined;
  /** Largest answer taken (default 64 MiB). */
  readonly maxMessageBytes?: number | undefined;
}

const defaultMaxMessageBytes = 64 << 20;
const userAgent = `daosctl/${daosctlVersion}`;

/**
 * One unary gRPC call to `hostPort` ("host:port", "[::1]:port").
 *
 * @throws what the server threw (Fault, NotLeaderError, …, RpcError for the rest); Faults 504 to 508 when it cannot
 *   be reached or is lost, 510 when the time is over, 903 when a certificate is refused; the signal's reason
 */
export async function callUnary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  hostPort: string,
  request: MessageInitShape<I>,
  options: CallOptions,
): Promise<MessageShape<O>> {
  const { signal, security, timeoutMs } = options;
  signal?.throwIfAborted();
  const deadlineMs = performance.now() + timeoutMs;
  const frame = encodeFrame(toBinary(method.input, create(method.input, request)));
  for (let attempt = 1; ; attempt++) {
    let connection: Connection;
    try {
      connection = await inTime(connectionTo(hostPort, security), deadlineMs, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw connectionFault(error, hostPort, security);
    }
    const place = takePlace(connection);
    let outcome: Outcome;
    try {
      if (place.turn !== undefined) await inTime(place.turn, deadlineMs, signal);
      outcome = await exchange(method, hostPort, connection, frame, deadlineMs, options);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof DOMException) throw faultRpcTimeout(nameOf(method), hostPort, timeoutMs);
      throw error;
    } finally {
      place.release();
    }
    if (!("retry" in outcome)) return fromAnswer(method.output, outcome.message);
    // The server had not begun: it was closing the connection as we wrote. Again on a new one.
    if (attempt === maxAttempts) throw connectionFault(outcome.retry, hostPort, security);
  }
}

const maxAttempts = 3;

/** "mgmt.MgmtSvc/SystemQuery". */
function nameOf(method: DescMethodUnary): string {
  return `${method.parent.typeName}/${method.name}`;
}

type Outcome = { readonly message: Uint8Array } | { readonly retry: Error };

function exchange(
  method: DescMethodUnary,
  hostPort: string,
  connection: Connection,
  frame: Buffer,
  deadlineMs: number,
  options: CallOptions,
): Promise<Outcome> {
  const { signal, component, security, timeoutMs } = options;
  const maxMessageBytes = options.maxMessageBytes ?? defaultMaxMessageBytes;
  return new Promise((resolve, reject) => {
    const remainingMs = deadlineMs - performance.now();
    const name = nameOf(method);
    let stream: ClientHttp2Stream;
    try {
      stream = connection.session.request({
        ":method": "POST",
        ":path": `/${name}`,
        te: "trailers",
        "content-type": "application/grpc",
        "user-agent": userAgent,
        "grpc-timeout": formatTimeout(remainingMs),
        [componentHeader]: component,
        [versionHeader]: wireVersion,
      });
    } catch (error) {
      // Closed between the look at it and its use.
      resolve({ retry: error as Error });
      return;
    }

    let response: IncomingHttpHeaders | undefined;
    let trailers: IncomingHttpHeaders | undefined;
    let failure: Error | undefined;
    const chunks: Buffer[] = [];
    let size = 0;

    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const giveUp = (error: Error): void => {
      finish();
      stream.close(constants.NGHTTP2_CANCEL);
      reject(error);
    };
    const onAbort = (): void => giveUp(signal?.reason as Error);
    const timer = setTimeout(
      () => giveUp(faultRpcTimeout(name, hostPort, timeoutMs)),
      Math.max(remainingMs, 0),
    );
    signal?.addEventListener("abort", onAbort);

    stream.on("response", (headers) => {
      response = headers;
    });
    stream.on("trailers", (headers) => {
      trailers = headers;
    });
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size - frameHeaderBytes > maxMessageBytes) {
        giveUp(new RpcError(RpcCode.ResourceExhausted, tooLarge(size - frameHeaderBytes, maxMessageBytes)));
      } else chunks.push(chunk);
    });
    stream.on("error", (error) => {
      failure ??= error;
    });
    stream.on("close", () => {
      finish();
      // Settling twice is harmless: the first of abort, deadline and close counts.
      try {
        const status = trailers?.["grpc-status"] !== undefined ? trailers : response;
        if (status?.["grpc-status"] !== undefined)
          resolve({ message: messageOf(status, chunks, maxMessageBytes) });
        else if (response !== undefined && stream.rstCode === 0) reject(httpError(response, hostPort));
        else {
          const error = connection.failure ?? failure ?? new Error("the connection was closed");
          if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) resolve({ retry: error });
          else reject(connectionFault(error, hostPort, security));
        }
      } catch (error) {
        reject(nameOurCertificate(error as Error, hostPort, security));
      }
    });
    stream.end(frame);
  });
}

/** The one message of an answer whose status is OK. @throws the error of any other status */
function messageOf(
  status: IncomingHttpHeaders,
  chunks: readonly Buffer[],
  maxMessageBytes: number,
): Uint8Array {
  const code = Number(status["grpc-status"]);
  if (code !== RpcCode.OK) {
    const details = status["grpc-status-details-bin"];
    throw errorFromStatus({
      code: Number.isInteger(code) ? code : RpcCode.Unknown,
      message: decodeStatusMessage(String(status["grpc-message"] ?? "")),
      details: typeof details === "string" ? Buffer.from(details, "base64") : undefined,
    });
  }
  const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  if (body.length < frameHeaderBytes) throw new RpcError(RpcCode.Internal, "the answer has no message");
  const length = body.readUInt32BE(1);
  if (body[0] !== 0)
    throw new RpcError(RpcCode.Internal, "the answer is compressed, which was not asked for");
  if (length > maxMessageBytes)
    throw new RpcError(RpcCode.ResourceExhausted, tooLarge(length, maxMessageBytes));
  if (length !== body.length - frameHeaderBytes) {
    throw new RpcError(RpcCode.Internal, "the answer is not exactly one message");
  }
  return body.subarray(frameHeaderBytes);
}

function fromAnswer<O extends DescMessage>(output: O, message: Uint8Array): MessageShape<O> {
  try {
    return fromBinary(output, message);
  } catch (error) {
    throw new RpcError(RpcCode.Internal, `cannot decode the answer: ${String(error)}`);
  }
}

function tooLarge(size: number, max: number): string {
  return `grpc: received message larger than max (${size} vs. ${max})`;
}

function httpError(response: IncomingHttpHeaders, hostPort: string): Error {
  const type = response["content-type"] ?? "no content-type";
  if (type.startsWith("application/grpc"))
    return new RpcError(RpcCode.Internal, "the answer ended without a status");
  return new RpcError(
    RpcCode.Unknown,
    `the peer at ${hostPort} does not speak gRPC: HTTP status ${response[":status"]}, ${type}`,
  );
}

/** Waits for `work`, but not longer than deadline and signal allow. @throws TimeoutError; the signal's reason */
function inTime<T>(work: Promise<T>, deadlineMs: number, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal?.reason);
    const timer = setTimeout(
      () => reject(new DOMException("connecting took too long", "TimeoutError")),
      Math.max(deadlineMs - performance.now(), 0),
    );
    signal?.addEventListener("abort", onAbort);
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    });
  });
}
