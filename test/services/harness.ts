import http2, {
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from "node:http2";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { decodeStatusMessage, encodeFrame } from "../../src/client/grpc.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { LeaderQueryReqSchema, LeaderQueryRespSchema } from "../../src/gen/mgmt/svc_pb.ts";
import { type Logger, silentLogger } from "../../src/log/logger.ts";
import { insecureTransport, type TransportSecurity } from "../../src/security/tls.ts";
import type { RpcLimits } from "../../src/services/limits.ts";
import type { ServiceImpl } from "../../src/services/method.ts";
import { type RpcServer, rpcService, serveRpc } from "../../src/services/serve.ts";

/** A server of the management service with `impl` on a free port of loopback. */
export function serve(
  impl: ServiceImpl<typeof MgmtSvc>,
  options: {
    transport?: TransportSecurity;
    limits?: Partial<RpcLimits>;
    log?: Logger;
    hosts?: string[];
    port?: number;
  } = {},
): Promise<RpcServer> {
  return serveRpc({
    services: [rpcService(MgmtSvc, impl)],
    transport: options.transport ?? insecureTransport,
    listen: (options.hosts ?? ["127.0.0.1"]).map((host) => ({ host, port: options.port ?? 0 })),
    systemName: "daos_server",
    log: options.log ?? silentLogger,
    component: "server",
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
}

/** A log that can be read back. */
export function recordingLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const add = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  return { lines, debug: add("DEBUG"), info: add("INFO"), notice: add("NOTICE"), error: add("ERROR") };
}

export const leaderQueryPath = "/mgmt.MgmtSvc/LeaderQuery";

export function leaderQueryMessage(
  init: MessageInitShape<typeof LeaderQueryReqSchema> = { sys: "daos_server" },
) {
  return toBinary(LeaderQueryReqSchema, create(LeaderQueryReqSchema, init));
}

export interface RawAnswer {
  readonly headers: (IncomingHttpHeaders & IncomingHttpStatusHeader) | undefined;
  /** Trailers, or the headers where there are no trailers: where the status stands. */
  readonly status: IncomingHttpHeaders | undefined;
  readonly code: number | undefined;
  readonly message: string;
  readonly body: Buffer;
  readonly rstCode: number | undefined;
}

export const goodHeaders: OutgoingHttpHeaders = {
  ":method": "POST",
  ":path": leaderQueryPath,
  "content-type": "application/grpc",
  te: "trailers",
  "x-daos-component": "admin",
  "x-daos-version": "2.6.0",
};

/** Sends whatever it is given as the body of one stream and collects whatever comes back. */
export function rawCall(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body: Uint8Array | undefined = encodeFrame(leaderQueryMessage()),
  end = true,
): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const all = Object.entries({ ...goodHeaders, ...headers }).filter(([, value]) => value !== undefined);
    const stream = session.request(Object.fromEntries(all));
    let response: (IncomingHttpHeaders & IncomingHttpStatusHeader) | undefined;
    let trailers: IncomingHttpHeaders | undefined;
    const chunks: Buffer[] = [];
    stream.on("response", (h) => {
      response = h;
    });
    stream.on("trailers", (h) => {
      trailers = h;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => {
      // Told by rstCode below.
    });
    stream.on("close", () => {
      const status = trailers ?? response;
      const code = status?.["grpc-status"];
      resolve({
        headers: response,
        status,
        code: code === undefined ? undefined : Number(code),
        message: decodeStatusMessage(String(status?.["grpc-message"] ?? "")),
        body: Buffer.concat(chunks),
        rstCode: stream.rstCode,
      });
    });
    if (body !== undefined) stream.write(body);
    if (end) stream.end();
  });
}

export function leaderOf(answer: RawAnswer): string {
  return fromBinary(LeaderQueryRespSchema, answer.body.subarray(5)).currentLeader;
}

/** A connection that is closed when its block ends. */
export function openSession(port: number): ClientHttp2Session & Disposable {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {
    // The streams report it.
  });
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}
