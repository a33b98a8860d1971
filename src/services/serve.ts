import http2, {
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { errorText, type Fault } from "../faults/fault.ts";
import { statusFromError } from "../faults/wire.ts";
import type { Logger } from "../log/logger.ts";
import { serverTlsOptions, type TransportSecurity } from "../security/tls.ts";
import { peerVerifier } from "../security/verify-peer.ts";
import { createChain } from "./chain.ts";
import { handleUnary, isGrpcContentType, refuseStream, type UnaryHost } from "./grpc-unary.ts";
import { defaultLimits, type RpcLimits } from "./limits.ts";
import { type Peer, peerAddr, peerOf } from "./peer.ts";
import { methodTable, type RpcService } from "./service.ts";

export { rpcService } from "./service.ts";

export interface ServeOptions {
  readonly services: readonly RpcService[];
  readonly transport: TransportSecurity;
  /** Port 0 takes a free one; the addresses after it then share it. */
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  readonly systemName: string;
  readonly log: Logger;
  readonly component: "server";
  readonly limits?: Partial<RpcLimits>;
}

export interface RpcServer {
  /** Port of the first address. */
  readonly port: number;
  readonly stats: RpcServerStats;
  /** Stops accepting, lets running calls finish for at most `graceMs` (default 1000), then cuts connections. */
  close(graceMs?: number): Promise<void>;
}

export interface RpcServerStats {
  connections: number;
  /** Handshakes that failed, most often for a certificate. */
  refusedHandshakes: number;
}

/**
 * Serves gRPC over HTTP/2; gRPC-web and Connect on the same ports (connect.ts).
 * @throws Error when an address cannot be bound; nothing is left listening then
 */
export async function serveRpc(options: ServeOptions): Promise<RpcServer> {
  const { log, transport, systemName } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const host: UnaryHost = {
    table: methodTable(options.services),
    chain: createChain({ systemName, log }),
    limits,
    buffered: { bytes: 0 },
  };
  const handle = streamHandler(host, options.services, log);
  const stats: RpcServerStats = { connections: 0, refusedHandshakes: 0 };
  const listeners: Listener[] = [];
  let port = 0;
  try {
    for (const address of options.listen) {
      const listener = await listenOn(address.host, address.port === 0 ? port : address.port, {
        handle,
        transport,
        limits,
        stats,
        log,
      });
      listeners.push(listener);
      port ||= listener.port;
    }
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close(0)));
    throw error;
  }
  return {
    port,
    stats,
    close: async (graceMs = 1000) => {
      await Promise.all(listeners.map((listener) => listener.close(graceMs)));
    },
  };
}

interface Listener {
  readonly port: number;
  close(graceMs: number): Promise<void>;
}

interface ListenerParts {
  readonly handle: StreamHandler;
  readonly transport: TransportSecurity;
  readonly limits: RpcLimits;
  readonly stats: RpcServerStats;
  readonly log: Logger;
}

async function listenOn(hostName: string, port: number, parts: ListenerParts): Promise<Listener> {
  const { transport, limits, stats, log } = parts;
  const verifier = transport.insecure ? undefined : peerVerifier(transport);
  const settings = { maxConcurrentStreams: limits.maxConcurrentStreams, enablePush: false };
  const server: Http2Server = transport.insecure
    ? http2.createServer({ settings })
    : http2.createSecureServer({ settings, ...serverTlsOptions(transport) });

  // Destroying a session of Bun does not tell the peer; cutting its TCP connection does.
  const sockets = new Map<string, Socket>();
  const sessions = new Set<ServerHttp2Session>();
  server.on("connection", (socket: Socket) => {
    if (sockets.size >= limits.maxConnections) {
      log.error(`refusing a connection from ${socket.remoteAddress}: ${limits.maxConnections} are open`);
      socket.destroy();
      return;
    }
    const addr = peerAddr(socket);
    sockets.set(addr, socket);
    stats.connections++;
    socket.setKeepAlive(true, limits.keepAliveMs);
    socket.on("close", () => {
      sockets.delete(addr);
      stats.connections--;
    });
  });
  server.on("session", (session) => {
    sessions.add(session);
    const peer = peerOf(session, verifier);
    if (peer.refusal === undefined) {
      session.on("stream", (stream, headers) => parts.handle(peer, stream, headers));
    } else {
      stats.refusedHandshakes++;
      log.error(`refused ${peer.addr}: ${peer.refusal.description}: ${peer.refusal.reason}`);
      refuseSession(session, peer.refusal, () => sockets.get(peer.addr)?.destroy());
    }
    session.on("error", (error) => log.debug(`connection from ${peer.addr}: ${errorText(error)}`));
    session.on("close", () => sessions.delete(session));
  });
  server.on("sessionError", (error) => log.debug(`connection failed: ${errorText(error)}`));
  server.on("tlsClientError", (error: Error, socket: Socket) => {
    stats.refusedHandshakes++;
    log.error(`refused the TLS handshake of ${socket.remoteAddress ?? "a peer"}: ${errorText(error)}`);
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostName, () => {
      server.off("error", reject);
      server.on("error", (error) => log.error(`control port: ${errorText(error)}`));
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: (graceMs) => closeServer(server, sessions, sockets, graceMs),
  };
}

type StreamHandler = (peer: Peer, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** Tells plain gRPC from the protocols that connect-node speaks, and both from everything else. */
function streamHandler(host: UnaryHost, services: readonly RpcService[], log: Logger): StreamHandler {
  let others: Promise<StreamHandler> | undefined;
  return (peer, stream, headers) => {
    const contentType = headers["content-type"];
    if (headers[":method"] !== "POST") {
      stream.respond({ ":status": 405, allow: "POST" }, { endStream: true });
    } else if (isGrpcContentType(contentType)) {
      handleUnary(host, peer, stream, headers);
    } else if (isConnectContentType(contentType)) {
      others ??= import("./connect.ts").then((m) => m.connectHandler(services, host.chain, host.limits));
      others.then(
        (handle) => {
          if (!stream.destroyed) handle(peer, stream, headers);
        },
        (error: unknown) => {
          log.error(`cannot answer ${contentType}: ${errorText(error)}`);
          if (!stream.destroyed) stream.respond({ ":status": 500 }, { endStream: true });
        },
      );
    } else {
      stream.respond({ ":status": 415, "content-type": "text/plain" });
      stream.end("this port speaks gRPC, gRPC-web and Connect\n");
    }
  };
}

/** Unary Connect in JSON or binary, and gRPC-web. */
function isConnectContentType(contentType: string | undefined): boolean {
  return (
    contentType !== undefined &&
    /^application\/(json|proto|grpc-web(-text)?(\+proto|\+json)?)(;|$)/.test(contentType)
  );
}

/** Tells a refused peer the reason, whatever it asks, and closes; it never reaches a method. */
function refuseSession(session: ServerHttp2Session, refusal: Fault, disconnect: () => void): void {
  session.on("stream", (stream) => {
    // Its request is not read, only let go of.
    stream.on("error", () => stream.destroy());
    stream.resume();
    refuseStream(stream, statusFromError(refusal));
    session.close();
  });
  const cut = setTimeout(disconnect, refusedSessionMs);
  session.on("close", () => clearTimeout(cut));
}

const refusedSessionMs = 5000;

async function closeServer(
  server: Http2Server,
  sessions: ReadonlySet<ServerHttp2Session>,
  sockets: ReadonlyMap<string, Socket>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const session of sessions) session.close();
  const cut = setTimeout(() => {
    for (const socket of sockets.values()) socket.destroy();
  }, graceMs);
  await closed;
  clearTimeout(cut);
}
