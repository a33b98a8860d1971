import type { ServerHttp2Stream } from "node:http2";
import net from "node:net";
import { errorText } from "../../faults/fault.ts";
import type { Logger } from "../../log/logger.ts";
import { checkPeer, type Peer } from "../peer.ts";

/** Takes a stream that is no call of a service. */
export type RawHandler = (peer: Peer, stream: ServerHttp2Stream) => void;

/**
 * The server's end of a tunnel (client/peer-tunnel.ts): what another replica sends goes to the local database's
 * peer socket as it is, and back. Only servers may; `socketPath` is undefined while no database runs here.
 */
export function createTunnelHandler(socketPath: () => string | undefined, log: Logger): RawHandler {
  return (peer, stream) => {
    stream.on("error", () => stream.destroy());
    const refuse = (status: number): void => {
      if (!stream.destroyed) stream.respond({ ":status": status }, { endStream: true });
      stream.resume();
    };
    try {
      checkPeer(peer);
    } catch (error) {
      log.error(`tunnel refused to ${peer.addr}: ${errorText(error)}`);
      refuse(403);
      return;
    }
    if (peer.certified !== undefined && peer.certified !== "server") {
      log.error(`tunnel refused to ${peer.addr}: ${peer.certified} is no server`);
      refuse(403);
      return;
    }
    const path = socketPath();
    if (path === undefined) {
      refuse(503);
      return;
    }
    const socket = net.connect(path);
    socket.once("connect", () => {
      if (stream.destroyed) {
        socket.destroy();
        return;
      }
      stream.respond({ ":status": 200 });
      stream.pipe(socket);
      socket.pipe(stream);
    });
    socket.on("error", (error) => {
      log.debug(`tunnel of ${peer.addr}: ${errorText(error)}`);
      if (!stream.headersSent) refuse(503);
    });
    socket.on("close", () => {
      if (!stream.destroyed) stream.close();
    });
    stream.on("close", () => socket.destroy());
  };
}
