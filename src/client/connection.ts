import http2, { type ClientHttp2Session } from "node:http2";
import { clientTlsOptions, type TransportSecurity } from "../security/tls.ts";

/** Connections by address and credentials, kept for the process and opened again when lost. */
const cache = new Map<string, Promise<ClientHttp2Session>>();
const securityIds = new WeakMap<object, number>();
let lastSecurityId = 0;

/** At most this long for TCP and TLS together, whatever the call allows. */
export const maxConnectMs = 20_000;

/** The connection to `hostPort`, open and ready. @throws Error of the socket or of TLS; TimeoutError */
export function connectionTo(
  hostPort: string,
  security: TransportSecurity,
  timeoutMs: number,
): Promise<ClientHttp2Session> {
  const key = `${hostPort} ${security.insecure ? "insecure" : securityId(security)}`;
  const cached = cache.get(key);
  if (cached !== undefined) return cached;
  const connecting = connect(hostPort, security, Math.min(timeoutMs, maxConnectMs), () => {
    if (cache.get(key) === connecting) cache.delete(key);
  });
  cache.set(key, connecting);
  return connecting;
}

/** Closes what is cached; calls that run finish first. New calls open new connections. */
export function closeConnections(): void {
  for (const connecting of cache.values()) {
    connecting.then(
      (session) => session.close(),
      () => {
        // It never opened; whoever waited for it has been told.
      },
    );
  }
  cache.clear();
}

function connect(
  hostPort: string,
  security: TransportSecurity,
  timeoutMs: number,
  onLost: () => void,
): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = security.insecure
      ? http2.connect(`http://${hostPort}`, sessionOptions)
      : http2.connect(`https://${hostPort}`, { ...sessionOptions, ...clientTlsOptions(security) });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      onLost();
      session.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(new DOMException("connecting took too long", "TimeoutError") as unknown as Error),
      timeoutMs,
    );
    session.on("error", fail);
    session.once("connect", () => {
      clearTimeout(timer);
      // A connection that waits for calls must not keep a process alive.
      session.unref();
      resolve(session);
    });
    session.on("goaway", onLost);
    session.once("close", () => fail(new Error("the connection was closed")));
  });
}

const sessionOptions = { settings: { enablePush: false, initialWindowSize: 1 << 20 } };

function securityId(security: TransportSecurity): number {
  let id = securityIds.get(security);
  if (id === undefined) {
    id = ++lastSecurityId;
    securityIds.set(security, id);
  }
  return id;
}
