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
import { refuseStream } from "./grpc-unary.ts";
import type { RpcLimits } from "./limits.ts";
import { type Peer, peerAddr, peerOf } from "./peer.ts";

/** Takes one request of a peer that may be served. */
export type StreamHandler = (peer: Peer, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

export interface RpcServerStats {
  /** Open now. */
  connections: number;
  /** Handshakes that failed and callers that were refused, nearly always for a certificate. */
  refusedHandshakes: number;
}

export interface ListenerOptions {
  readonly handle: StreamHandler;
  readonly transport: TransportSecurity;
  readonly limits: RpcLimits;
  readonly stats: RpcServerStats;
  readonly log: Logger;
}

export interface Listener {
  readonly port: number;
  close(graceMs: number): Promise<void>;
}

/**
 * An HTTP/2 server on one address: its connections, who is behind them, and their end.
 * @throws Error when the address cannot be bound
 */
export async function listenOn(host: string, port: number, options: ListenerOptions): Promise<Listener> {
  const { handle, transport, limits, log, stats } = options;
  const verifier = transport.insecure ? undefined : peerVerifier(transport);
  const server = makeServer(transport, limits);
  const connections = trackConnections(server, options);

  server.on("session", (session) => {
    const peer = peerOf(session, verifier);
    connections.began(peer.addr, session);
    session.on("error", (error) => log.debug(`connection from ${peer.addr}: ${errorText(error)}`));
    if (peer.refusal === undefined) {
      session.on("stream", (stream, headers) => handle(peer, stream, headers));
      return;
    }
    stats.refusedHandshakes++;
    log.error(`refused ${peer.addr}: ${peer.refusal.description}: ${peer.refusal.reason}`);
    refuseSession(session, peer.refusal, () => connections.cut(peer.addr));
  });
  server.on("sessionError", (error) => log.debug(`connection failed: ${errorText(error)}`));
  server.on("tlsClientError", (error: Error, socket: Socket) => {
    stats.refusedHandshakes++;
    log.error(`refused the TLS handshake of ${socket.remoteAddress ?? "a peer"}: ${errorText(error)}`);
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      server.on("error", (error) => log.error(`control port: ${errorText(error)}`));
      resolve();
    });
  });
  return { port: (server.address() as AddressInfo).port, close: connections.close };
}

function makeServer(transport: TransportSecurity, limits: RpcLimits): Http2Server {
  const options = {
    settings: { maxConcurrentStreams: limits.maxConcurrentStreams, enablePush: false },
    // Calls that pass their deadline are reset by their callers; these are bounds for floods, not for a busy fan-out.
    streamResetBurst: limits.resetBurst,
    streamResetRate: limits.resetsPerSecond,
  };
  return transport.insecure
    ? http2.createServer(options)
    : http2.createSecureServer({ ...options, ...serverTlsOptions(transport) });
}

interface Connections {
  /** TCP, and TLS where there is any, are done: an HTTP/2 session stands on the connection of `addr`. */
  began(addr: string, session: ServerHttp2Session): void;
  cut(addr: string): void;
  close(graceMs: number): Promise<void>;
}

/**
 * Knows every connection from TCP on. Bun's Http2Session.destroy() does not tell the peer; cutting the TCP socket
 * under it does, so sockets are what is kept.
 */
function trackConnections(server: Http2Server, { limits, stats, log }: ListenerOptions): Connections {
  const sockets = new Map<string, Socket>();
  const sessions = new Map<string, ServerHttp2Session>();
  const timers = new Map<string, NodeJS.Timeout>();
  let empty: (() => void) | undefined;

  server.on("connection", (socket: Socket) => {
    const addr = peerAddr(socket);
    if (sockets.size >= limits.maxConnections) {
      log.error(`turned away ${addr}: ${limits.maxConnections} connections are open`);
      socket.destroy();
      return;
    }
    sockets.set(addr, socket);
    stats.connections++;
    socket.setKeepAlive(true, limits.keepAliveMs);
    timers.set(
      addr,
      setTimeout(() => {
        log.debug(`connection from ${addr}: closed, HTTP/2 did not begin in ${limits.handshakeTimeoutMs} ms`);
        socket.destroy();
      }, limits.handshakeTimeoutMs),
    );
    socket.on("close", () => {
      clearTimeout(timers.get(addr));
      timers.delete(addr);
      sockets.delete(addr);
      sessions.delete(addr);
      stats.connections--;
      if (sockets.size === 0) empty?.();
    });
  });

  return {
    began(addr, session) {
      sessions.set(addr, session);
      // The peer's settings are the first thing that only a peer who speaks HTTP/2 sends.
      session.once("remoteSettings", () => {
        clearTimeout(timers.get(addr));
        timers.delete(addr);
      });
    },
    cut: (addr) => void sockets.get(addr)?.destroy(),
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const allGone = new Promise<void>((resolve) => {
        empty = resolve;
        if (sockets.size === 0) resolve();
      });
      for (const [addr, socket] of sockets) {
        const session = sessions.get(addr);
        // Nothing runs where HTTP/2 has not begun.
        if (session === undefined || timers.has(addr)) socket.destroy();
        else session.close();
      }
      const cut = setTimeout(() => {
        for (const socket of sockets.values()) socket.destroy();
      }, graceMs);
      await Promise.all([closed, allGone]);
      clearTimeout(cut);
    },
  };
}

/** Tells a refused peer the reason, whatever it asks, and closes; it never reaches a method. */
function refuseSession(session: ServerHttp2Session, refusal: Fault, disconnect: () => void): void {
  session.on("stream", (stream) => {
    stream.on("error", () => stream.destroy());
    refuseStream(stream, statusFromError(refusal));
    session.close();
  });
  const cut = setTimeout(disconnect, refusedSessionMs);
  session.on("close", () => clearTimeout(cut));
}

/** How long a refused peer may take to ask something and read why not. */
const refusedSessionMs = 5000;
