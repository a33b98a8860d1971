import http2, { type ClientHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { componentHeader, versionHeader, wireVersion } from "../security/interop.ts";
import { clientTlsOptions, type TransportSecurity } from "../security/tls.ts";

/** Path of the streams that carry the traffic between the databases of two replicas. */
export const tunnelPath = "/daosctl.ReplicaSvc/Tunnel";

/** Streams of bytes to the databases of other replicas, all of those to one over one connection. */
export interface PeerTunnels {
  /** @throws Error when that server cannot be reached or refuses */
  dial(addr: string): Promise<Duplex>;
  close(): void;
}

/** A replica that is there answers at once: who waits longer had better try again. */
const connectMs = 2_000;
/** Between signs of life of the other side, and how long one may be missing: it is silent then, not slow. */
const pingEveryMs = 500;
const pingLostMs = 3_000;
/** Streams carry snapshots too: the window must not be what slows them. */
const sessionOptions = { settings: { enablePush: false, initialWindowSize: 8 << 20 } };

/**
 * Tunnels over the one control port, inside the mutual TLS of the system (or without it, where the system has
 * none). A connection whose other end has gone silent is cut, so that what goes through it fails at once.
 */
export function createPeerTunnels(security: TransportSecurity): PeerTunnels {
  const sessions = new Map<string, Promise<ClientHttp2Session>>();
  let closed = false;

  const sessionTo = (addr: string): Promise<ClientHttp2Session> => {
    const known = sessions.get(addr);
    if (known !== undefined) return known;
    const opening = openSession(addr, security, () => {
      if (sessions.get(addr) === opening) sessions.delete(addr);
    });
    sessions.set(addr, opening);
    // Whoever waits for it is told.
    opening.catch(() => undefined);
    return opening;
  };

  return {
    async dial(addr) {
      if (closed) throw new Error("the tunnels are closed");
      const session = await sessionTo(addr);
      return openStream(session);
    },
    close() {
      closed = true;
      for (const opening of sessions.values()) {
        opening.then(
          (session) => session.destroy(),
          () => undefined,
        );
      }
      sessions.clear();
    },
  };
}

function openSession(
  addr: string,
  security: TransportSecurity,
  onLost: () => void,
): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = security.insecure
      ? http2.connect(`http://${addr}`, sessionOptions)
      : http2.connect(`https://${addr}`, { ...sessionOptions, ...clientTlsOptions(security) });
    let beat: ReturnType<typeof setInterval> | undefined;
    let over = false;
    const fail = (error: Error): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      clearInterval(beat);
      onLost();
      session.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error(`no connection within ${connectMs} ms`)), connectMs);
    session.on("error", fail);
    session.on("close", () => fail(new Error("the connection was closed")));
    session.on("goaway", onLost);
    session.once("remoteSettings", () => {
      clearTimeout(timer);
      let heardMs = performance.now();
      beat = setInterval(() => {
        if (performance.now() - heardMs > pingLostMs) {
          fail(new Error(`nothing heard for ${pingLostMs} ms`));
          return;
        }
        session.ping((error) => {
          if (error === null) heardMs = performance.now();
        });
      }, pingEveryMs);
      resolve(session);
    });
  });
}

function openStream(session: ClientHttp2Session): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const stream = session.request(
      {
        ":method": "POST",
        ":path": tunnelPath,
        "content-type": "application/octet-stream",
        [componentHeader]: "server",
        [versionHeader]: wireVersion,
      },
      { endStream: false },
    );
    const timer = setTimeout(() => stream.destroy(new Error(`no answer within ${connectMs} ms`)), connectMs);
    stream.once("response", (headers) => {
      clearTimeout(timer);
      if (headers[":status"] === 200) resolve(stream);
      else stream.destroy(new Error(`the server answered ${headers[":status"]}`));
    });
    stream.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    stream.on("close", () => {
      clearTimeout(timer);
      reject(new Error("the stream was closed"));
    });
  });
}
