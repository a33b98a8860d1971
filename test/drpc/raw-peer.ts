import { connectSeqpacket, type PacketSocket } from "../../src/drpc/seqpacket.ts";

/** A peer that sends whatever bytes it likes and sees packets as they come. */
export interface RawPeer {
  readonly socket: PacketSocket;
  send(packet: Uint8Array): Promise<void>;
  /** The next packet; rejects when the connection closes first. */
  receive(): Promise<Uint8Array>;
  readonly closed: Promise<void>;
}

export async function connectRaw(path: string): Promise<RawPeer> {
  const packets: Uint8Array[] = [];
  const waiters: PromiseWithResolvers<Uint8Array>[] = [];
  const closed = Promise.withResolvers<void>();
  let isClosed = false;
  const socket = await connectSeqpacket(
    path,
    {
      onPacket(packet) {
        const waiter = waiters.shift();
        if (waiter === undefined) packets.push(packet);
        else waiter.resolve(packet);
      },
      onClose() {
        isClosed = true;
        closed.resolve();
        for (const waiter of waiters.splice(0)) waiter.reject(new Error("closed"));
      },
    },
    performance.now() + 5000,
  );
  return {
    socket,
    send: (packet) => socket.send(packet),
    closed: closed.promise,
    receive() {
      const packet = packets.shift();
      if (packet !== undefined) return Promise.resolve(packet);
      const waiter = Promise.withResolvers<Uint8Array>();
      if (isClosed) waiter.reject(new Error("closed"));
      else waiters.push(waiter);
      return waiter.promise;
    },
  };
}
