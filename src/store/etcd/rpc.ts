import http2, { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import net from "node:net";
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { decodeStatusMessage, encodeFrame, formatTimeout, frameHeaderBytes } from "../../client/grpc.ts";
import { RpcCode, RpcError } from "../../faults/rpc.ts";

/** Where etcd answers: a Unix socket of ours, or the servers of a cluster that somebody else runs. */
export interface EtcdEndpoint {
  connect(): ClientHttp2Session;
}

/** An etcd that listens on a Unix socket in a folder that is closed to others. */
export function unixEndpoint(path: string): EtcdEndpoint {
  return {
    connect: () =>
      http2.connect("http://etcd", { ...sessionOptions, createConnection: () => net.connect(path) }),
  };
}

export interface EtcdTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A cluster that somebody else runs: its servers in turn, the next one each time a connection is needed. */
export function clusterEndpoint(urls: readonly string[], tls: EtcdTls | undefined): EtcdEndpoint {
  let next = 0;
  return {
    connect: () => http2.connect(urls[next++ % urls.length] ?? "", { ...sessionOptions, ...tls }),
  };
}

export const sessionOptions = { settings: { enablePush: false, initialWindowSize: 4 << 20 } };

/** A stream of answers, and of requests while it is open. */
export interface EtcdStream<I extends DescMessage> {
  send(request: MessageInitShape<I>): void;
  close(): void;
}

export interface StreamHandlers<O extends DescMessage> {
  onMessage(message: MessageShape<O>): void;
  /** Once, whatever ended it; not after close(). */
  onEnd(error: Error): void;
}

export interface EtcdClient {
  /** @throws RpcError with etcd's status; Unavailable when etcd cannot be reached, DeadlineExceeded in time. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    timeoutMs?: number,
  ): Promise<MessageShape<O>>;
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { readonly input: I; readonly output: O },
    handlers: StreamHandlers<O>,
  ): EtcdStream<I>;
  close(): void;
}

const defaultTimeoutMs = 5_000;

/** A client of one etcd, over one HTTP/2 connection that is opened when needed and again when lost. */
export function createEtcdClient(endpoint: EtcdEndpoint): EtcdClient {
  let session: ClientHttp2Session | undefined;
  let closed = false;

  const connected = (): ClientHttp2Session => {
    if (closed) throw new RpcError(RpcCode.Canceled, "the etcd client is closed");
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    const fresh = endpoint.connect();
    const drop = (): void => {
      if (session === fresh) session = undefined;
    };
    // Calls learn of it from their own streams.
    fresh.on("error", drop);
    fresh.on("close", drop);
    fresh.on("goaway", drop);
    session = fresh;
    return fresh;
  };

  const open = (method: DescMethod, headers: Record<string, string>): ClientHttp2Stream => {
    try {
      return connected().request(
        {
          ":method": "POST",
          ":path": `/${method.parent.typeName}/${method.name}`,
          te: "trailers",
          "content-type": "application/grpc",
          ...headers,
        },
        { endStream: false },
      );
    } catch (error) {
      if (error instanceof RpcError) throw error;
      throw new RpcError(RpcCode.Unavailable, `etcd cannot be reached: ${String(error)}`);
    }
  };

  return {
    async call(method, request, timeoutMs = defaultTimeoutMs) {
      const stream = open(method, { "grpc-timeout": formatTimeout(timeoutMs) });
      return new Promise((resolve, reject) => {
        let answer: MessageShape<typeof method.output> | undefined;
        // Ours is later than etcd's own deadline, so that its better-informed error comes first.
        const timer = setTimeout(() => {
          reject(
            new RpcError(RpcCode.DeadlineExceeded, `etcd did not answer ${method.name} in ${timeoutMs} ms`),
          );
          stream.close(constants.NGHTTP2_CANCEL);
        }, timeoutMs + 250);
        readMessages(
          stream,
          (bytes) => {
            answer = fromBinary(method.output, bytes);
          },
          (status) => {
            clearTimeout(timer);
            if (status !== undefined) reject(status);
            else if (answer === undefined) reject(new RpcError(RpcCode.Internal, "etcd answered nothing"));
            else resolve(answer);
          },
        );
        stream.end(encodeFrame(toBinary(method.input, create(method.input, request))));
      });
    },
    stream(method, { onMessage, onEnd }) {
      const stream = open(method, {});
      let over = false;
      readMessages(
        stream,
        (bytes) => {
          if (!over) onMessage(fromBinary(method.output, bytes));
        },
        (status) => {
          if (over) return;
          over = true;
          onEnd(status ?? new RpcError(RpcCode.Unavailable, `etcd has ended ${method.name}`));
        },
      );
      return {
        send(request) {
          if (!over && !stream.destroyed && !stream.writableEnded)
            stream.write(encodeFrame(toBinary(method.input, create(method.input, request))));
        },
        close() {
          over = true;
          stream.close(constants.NGHTTP2_CANCEL);
        },
      };
    },
    close() {
      closed = true;
      session?.destroy();
      session = undefined;
    },
  };
}

/** Tells each message of an answer, then its status once: undefined for OK. */
function readMessages(
  stream: ClientHttp2Stream,
  onMessage: (bytes: Uint8Array) => void,
  onStatus: (error: RpcError | undefined) => void,
): void {
  let rest: Buffer = Buffer.alloc(0);
  let status: RpcError | undefined | "none" = "none";
  let failure: Error | undefined;
  const readStatus = (headers: Record<string, unknown>): void => {
    const code = headers["grpc-status"];
    if (typeof code !== "string") return;
    const text = decodeStatusMessage(String(headers["grpc-message"] ?? ""));
    status = code === "0" ? undefined : new RpcError(Number(code), text);
  };
  stream.on("response", readStatus);
  stream.on("trailers", readStatus);
  stream.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= frameHeaderBytes) {
      const end = frameHeaderBytes + rest.readUInt32BE(1);
      if (rest.length < end) return;
      const message = rest.subarray(frameHeaderBytes, end);
      rest = rest.subarray(end);
      try {
        onMessage(message);
      } catch (error) {
        failure = error as Error;
        stream.close(constants.NGHTTP2_CANCEL);
        return;
      }
    }
  });
  stream.on("error", (error) => {
    failure ??= error;
  });
  stream.on("close", () => {
    if (failure === undefined && status !== "none") onStatus(status);
    else
      onStatus(
        new RpcError(RpcCode.Unavailable, `the connection to etcd was lost: ${failure?.message ?? "closed"}`),
      );
  });
}
