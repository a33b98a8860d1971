import { mkdir, rm } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { errorText } from "../../faults/fault.ts";
import type { Logger } from "../../log/logger.ts";

/** Opens a stream of bytes to the etcd of another replica, "ip:port". */
export type DialPeer = (addr: string) => Promise<Duplex>;

/**
 * The doors through which the local etcd reaches the others: a Unix socket for each other member, named by
 * its control address, which is also the member's peer URL ("unix://10.0.0.1:10001"). What etcd writes there
 * goes through that server's control port.
 */
export interface Forwarders {
  /** Opens doors to these members where there are none yet. */
  ensure(addrs: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export function createForwarders(dir: string, dial: DialPeer, log: Logger): Forwarders {
  const servers = new Map<string, net.Server>();
  const sockets = new Set<net.Socket>();

  const accept = (addr: string, socket: net.Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.pause();
    dial(addr).then(
      (stream) => joinStreams(socket, stream),
      (error: unknown) => {
        log.debug(`replica ${addr} cannot be reached: ${errorText(error)}`);
        socket.destroy();
      },
    );
  };

  return {
    async ensure(addrs) {
      for (const addr of addrs) {
        if (servers.has(addr)) continue;
        const server = net.createServer((socket) => accept(addr, socket));
        servers.set(addr, server);
        const path = join(dir, addr);
        await mkdir(dir, { recursive: true, mode: 0o700 });
        await rm(path, { force: true });
        await new Promise<void>((resolve, reject) => {
          server.once("error", reject);
          server.listen(path, () => resolve());
        });
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(
        [...servers.values()].map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
      );
      servers.clear();
    },
  };
}

/** Passes bytes both ways until either side ends; then both are closed. */
export function joinStreams(left: Duplex, right: Duplex): void {
  const end = (): void => {
    left.destroy();
    right.destroy();
  };
  for (const stream of [left, right]) {
    stream.on("error", end);
    stream.on("close", end);
  }
  left.pipe(right);
  right.pipe(left);
}
