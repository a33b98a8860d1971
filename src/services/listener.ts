import http2, {
  type Http2SecureServer,
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
import type { Caller, Callers } from "./callers.ts";
import { refuseStream } from "./grpc-unary.ts";
import type { RpcLimits } from "./limits.ts";
import { judgeAgain, type Peer, peerAddr, peerOf } from "./peer.ts";

/** Takes one request of a peer that may be served. */
export type StreamHandler = (peer: Peer, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** Takes a request of one who showed no certificate; false when it is none that a stranger may make. */
export type Doorstep = (peer: Peer, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;

export interface RpcServerStats {
  /** Open now. */
  connections: number;
  /** Handshakes that failed and callers that were refused, nearly always for a certificate. */
  refusedHandshakes: number;
}

export interface ListenerOptions {
  readonly handle: StreamHandler;
  readonly doorstep?: Doorstep | undefined;
  readonly callers: Callers;
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
  const { handle, doorstep, transport, limits, log, stats } = options;
  const verifier = transport.insecure ? undefined : peerVerifier(transport);
  const server = makeServer(transport, limits);
  const connections = trackConnections(server, options);

  const refuse = (peer: Peer, session: ServerHttp2Session, refusal: Fault): void => {
    stats.refusedHandshakes++;
    log.error(`refused ${peer.addr}: ${refusal.description}: ${refusal.reason}`);
    refuseSession(session, refusal, () => connections.cut(peer.addr));
  };
  server.on("session", (session) => {
    const caller = connections.callerAt(peerAddr(session.socket));
    // Turned away at the door; what has come through meanwhile goes with it.
    if (caller === undefined) return;
    const peer = peerOf(session, verifier, caller);
    connections.began(peer, session);
    session.on("error", (error) => log.debug(`connection from ${peer.addr}: ${errorText(error)}`));
    // First of all, whatever becomes of it: an error that nobody listens to would end the process, and any caller can
    // bring one about, by a stream that is refused at once and a session that is then closed for flooding.
    session.on("stream", (stream) => stream.on("error", () => stream.destroy()));
    boundControlFrames(session, limits, () => {
      log.error(`cut ${peer.addr}: it floods the connection with pings or settings`);
      connections.cut(peer.addr);
    });
    if (peer.refusal === undefined) {
      session.on("stream", (stream, headers) => handle(peer, stream, headers));
    } else if (peer.stranger === true && doorstep !== undefined) {
      welcome(
        peer,
        session,
        peer.refusal,
        doorstep,
        () => connections.cut(peer.addr),
        (refusal) => refuse(peer, session, refusal),
      );
    } else refuse(peer, session, peer.refusal);
  });
  const stopFollowing =
    transport.insecure || verifier === undefined
      ? undefined
      : transport.onChange?.(() => {
          (server as Http2SecureServer).setSecureContext(serverTlsOptions(transport));
          for (const { peer, session } of connections.served()) {
            if (judgeAgain(peer, session, verifier)) continue;
            log.notice(`${peer.addr} is served no more: ${peer.refusal?.reason}`);
            connections.end(peer.addr);
          }
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
  return {
    port: (server.address() as AddressInfo).port,
    close: (graceMs) => {
      stopFollowing?.();
      return connections.close(graceMs);
    },
  };
}

function makeServer(transport: TransportSecurity, limits: RpcLimits): Http2Server {
  const options = {
    settings: {
      maxConcurrentStreams: limits.maxConcurrentStreams,
      maxHeaderListSize: limits.maxHeaderBytes,
      enablePush: false,
    },
    maxHeaderListPairs: limits.maxHeaderFields,
    // Calls that pass their deadline are reset by their callers; these are bounds for floods, not for a busy fan-out.
    streamResetBurst: limits.resetBurst,
    streamResetRate: limits.resetsPerSecond,
  };
  return transport.insecure
    ? http2.createServer(options)
    : http2.createSecureServer({
        ...options,
        ...serverTlsOptions(transport),
        handshakeTimeout: limits.handshakeTimeoutMs,
      });
}

interface Connections {
  /** TCP, and TLS where there is any, are done: an HTTP/2 session stands on the connection of `addr`. */
  began(peer: Peer, session: ServerHttp2Session): void;
  /** What the address of a connection uses; undefined when the connection was turned away. */
  callerAt(addr: string): Caller | undefined;
  /** Connections whose peers are served. */
  served(): { readonly peer: Peer; readonly session: ServerHttp2Session }[];
  /** Lets what runs on the connection of `addr` finish for a while; nothing new. */
  end(addr: string): void;
  cut(addr: string): void;
  close(graceMs: number): Promise<void>;
}

/**
 * Knows every connection from TCP on. Bun's Http2Session.destroy() does not tell the peer; cutting the TCP socket
 * under it does, so sockets are what is kept.
 */
function trackConnections(
  server: Http2Server,
  { limits, callers, stats, log }: ListenerOptions,
): Connections {
  const sockets = new Map<string, Socket>();
  const sessions = new Map<string, { peer: Peer; session: ServerHttp2Session }>();
  const users = new Map<string, Caller>();
  const timers = new Map<string, NodeJS.Timeout>();
  let empty: (() => void) | undefined;
  const turnedAway = oncePerSecond(log);

  // Before HTTP/2's own listener, which begins the session of a plain connection at once.
  server.prependListener("connection", (socket: Socket) => {
    const addr = peerAddr(socket);
    const host = socket.remoteAddress ?? "unknown";
    const caller = sockets.size >= limits.maxConnections ? undefined : callers.connect(host);
    if (caller === undefined) {
      const why =
        sockets.size >= limits.maxConnections
          ? `${sockets.size} connections are open`
          : "too many from there";
      turnedAway(`turned away ${addr}: ${why}`);
      socket.destroy();
      return;
    }
    sockets.set(addr, socket);
    users.set(addr, caller);
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
      users.delete(addr);
      callers.disconnect(host, caller);
      stats.connections--;
      if (sockets.size === 0) empty?.();
    });
  });

  return {
    began(peer, session) {
      const { addr } = peer;
      sessions.set(addr, { peer, session });
      // The peer's settings are the first thing that only a peer who speaks HTTP/2 sends.
      session.once("remoteSettings", () => {
        clearTimeout(timers.get(addr));
        timers.delete(addr);
      });
    },
    callerAt: (addr) => users.get(addr),
    served: () => [...sessions.values()].filter(({ peer }) => peer.refusal === undefined),
    end(addr) {
      const socket = sockets.get(addr);
      const cut = setTimeout(() => socket?.destroy(), endGraceMs);
      socket?.once("close", () => clearTimeout(cut));
      sessions.get(addr)?.session.close();
    },
    cut: (addr) => void sockets.get(addr)?.destroy(),
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const allGone = new Promise<void>((resolve) => {
        empty = resolve;
        if (sockets.size === 0) resolve();
      });
      for (const [addr, socket] of sockets) {
        const session = sessions.get(addr)?.session;
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

/** A flood must not become one of log lines: says the first of each second, and how many there were beside it. */
function oncePerSecond(log: Logger): (line: string) => void {
  let sinceMs = Number.NEGATIVE_INFINITY;
  let held = 0;
  return (line) => {
    const now = performance.now();
    if (now - sinceMs < 1000) {
      held++;
      return;
    }
    log.error(held === 0 ? line : `${line} (and ${held} before)`);
    sinceMs = now;
    held = 0;
  };
}

/**
 * Bun ends a session whose answers to such frames pile up; a peer that reads them gets away with any number, so they
 * are counted here too.
 */
function boundControlFrames(session: ServerHttp2Session, limits: RpcLimits, cut: () => void): void {
  let tokens = limits.controlBurst;
  let atMs = performance.now();
  let over = false;
  const count = (): void => {
    const now = performance.now();
    tokens = Math.min(limits.controlBurst, tokens + ((now - atMs) / 1000) * limits.controlsPerSecond) - 1;
    atMs = now;
    if (tokens >= 0 || over) return;
    over = true;
    cut();
  };
  session.on("ping", count);
  session.on("remoteSettings", count);
}

/** How long calls may take to finish on a connection whose peer is trusted no more. */
const endGraceMs = 5000;

/** One who has no certificate may ask at the doorstep; whatever else it asks, it is refused. */
function welcome(
  peer: Peer,
  session: ServerHttp2Session,
  refusal: Fault,
  doorstep: Doorstep,
  disconnect: () => void,
  refuse: (refusal: Fault) => void,
): void {
  const onStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    if (doorstep(peer, stream, headers)) return;
    session.off("stream", onStream);
    refuse(refusal);
    stream.on("error", () => stream.destroy());
    refuseStream(stream, statusFromError(refusal));
    session.close();
  };
  session.on("stream", onStream);
  const cut = setTimeout(disconnect, welcomeMs);
  session.on("close", () => clearTimeout(cut));
}

/** How long a stranger may stay. */
const welcomeMs = 30_000;

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
