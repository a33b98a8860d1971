import http2, { type ClientHttp2Session } from "node:http2";
import { type CertificateTransport, clientTlsOptions, type TransportSecurity } from "../security/tls.ts";

/** One HTTP/2 connection to a server; calls share it. */
export interface Connection {
  readonly session: ClientHttp2Session;
  /** Why it ended, once it has. */
  failure: Error | undefined;
  lastUsedMs: number;
  /** Calls on it now, the most the peer allows, and those that wait for their turn. */
  running: number;
  maxRunning: number;
  readonly waiting: (() => void)[];
}

/** A place for one call on a connection. */
export interface Place {
  /** Resolves when it is this call's turn; undefined when it is already. */
  readonly turn: Promise<void> | undefined;
  /** Gives the place back, taken or not, to the next who waits. */
  release(): void;
}

/**
 * Takes a place for a call. Bun's HTTP/2 does not wait where the peer allows no more streams: it would open one, and a
 * peer that has refused a hundred of them closes the connection.
 */
export function takePlace(connection: Connection): Place {
  let taken = connection.running < connection.maxRunning;
  let take = (): void => {};
  const turn = taken ? undefined : new Promise<void>((resolve) => (take = resolve));
  const begin = (): void => {
    taken = true;
    take();
  };
  if (taken) connection.running++;
  else connection.waiting.push(begin);
  return {
    turn,
    release() {
      if (!taken) {
        connection.waiting.splice(connection.waiting.indexOf(begin), 1);
        return;
      }
      const next = connection.waiting.shift();
      if (next === undefined) connection.running--;
      else next();
    },
  };
}

/** On one connection at once; also where a peer (grpc-go) allows any number. */
const maxRunningOfOurs = 1000;

/** Connections by address and credentials, kept for the process and opened again when lost. */
const cache = new Map<string, Promise<Connection>>();
const securityIds = new WeakMap<object, number>();
let lastSecurityId = 0;

/** At most this long for TCP and TLS together, whatever the call allows. */
const maxConnectMs = 20_000;
/**
 * A connection that was silent for so long is asked for a sign of life before it is used: the machine behind it may
 * be gone without a word. One ping before a call is within what grpc-go servers tolerate.
 */
const trustIdleMs = 15_000;
const pingMs = 2_000;

/**
 * The connection to `hostPort`, open and, as far as can be known, alive.
 * @param trustMs idle for so long, it is pinged first
 * @throws Error of the socket, of TLS, or TimeoutError after 20 s
 */
export async function connectionTo(
  hostPort: string,
  security: TransportSecurity,
  trustMs = trustIdleMs,
): Promise<Connection> {
  const key = `${hostPort} ${security.insecure ? "insecure" : securityId(security)}`;
  const cached = cache.get(key);
  if (cached !== undefined) {
    const connection = await cached;
    if (await isAlive(connection, trustMs)) return connection;
    if (cache.get(key) === cached) cache.delete(key);
    connection.session.destroy();
    return connectionTo(hostPort, security, trustMs);
  }
  const connecting = connect(hostPort, security, () => {
    if (cache.get(key) === connecting) cache.delete(key);
  });
  cache.set(key, connecting);
  return connecting;
}

/** Closes what is cached; calls that run finish first. New calls open new connections. */
export function closeConnections(): void {
  retire(() => true);
}

function retire(which: (entry: readonly [string, Promise<Connection>]) => boolean): void {
  for (const entry of [...cache].filter(which)) {
    cache.delete(entry[0]);
    entry[1].then(
      ({ session }) => session.close(),
      () => {
        // It never opened; whoever waited for it has been told.
      },
    );
  }
}

function connect(hostPort: string, security: TransportSecurity, onLost: () => void): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const session = security.insecure
      ? http2.connect(`http://${hostPort}`, sessionOptions)
      : http2.connect(`https://${hostPort}`, { ...sessionOptions, ...clientTlsOptions(security) });
    const connection: Connection = {
      session,
      failure: undefined,
      lastUsedMs: performance.now(),
      running: 0,
      maxRunning: maxRunningOfOurs,
      waiting: [],
    };
    const fail = (error: Error): void => {
      clearTimeout(timer);
      connection.failure ??= error;
      onLost();
      session.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(new DOMException("connecting took too long", "TimeoutError")),
      maxConnectMs,
    );
    session.on("error", fail);
    session.on("close", () => fail(new Error("the connection was closed")));
    // No new calls; those that run go on.
    session.on("goaway", onLost);
    // The peer's settings say how many calls it takes at once; they come first on every connection.
    session.once("remoteSettings", ({ maxConcurrentStreams }) => {
      clearTimeout(timer);
      connection.maxRunning = Math.max(
        1,
        Math.min(maxConcurrentStreams ?? maxRunningOfOurs, maxRunningOfOurs),
      );
      // A connection that waits for calls must not keep a process alive; a call's own timer does.
      session.unref();
      resolve(connection);
    });
  });
}

const sessionOptions = { settings: { enablePush: false, initialWindowSize: 1 << 20 } };

async function isAlive(connection: Connection, trustMs: number): Promise<boolean> {
  const { session } = connection;
  if (session.closed || session.destroyed) return false;
  const now = performance.now();
  const idleMs = now - connection.lastUsedMs;
  connection.lastUsedMs = now;
  if (idleMs < trustMs) return true;
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), pingMs);
    session.ping((error) => {
      clearTimeout(timer);
      resolve(error === null);
    });
  });
}

function securityId(security: CertificateTransport): number {
  let id = securityIds.get(security);
  if (id === undefined) {
    id = ++lastSecurityId;
    securityIds.set(security, id);
    const suffix = ` ${id}`;
    // New calls show the new certificate; those that run finish on the old connection.
    security.onChange?.(() => retire(([key]) => key.endsWith(suffix)));
  }
  return id;
}
