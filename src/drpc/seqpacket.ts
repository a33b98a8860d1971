import fs from "node:fs/promises";
import os from "node:os";
import { isSysError, SysError } from "../ffi/libc.ts";
import {
  bindSeqpacketFd,
  closeFd,
  connectSeqpacketFd,
  growSendBuffer,
  listenFd,
  maxSendBytes,
  sendPacket,
} from "../ffi/socket.ts";
import { MAX_PACKET_BYTES } from "./limits.ts";

/**
 * SOCK_SEQPACKET on Bun's event loop. Bun makes stream sockets only, but it adopts a descriptor made by FFI and
 * then does one recv per `data` event, so packets keep their bounds. Packets are sent by FFI, which unlike
 * Bun's write() can send an empty one and says why it failed.
 */

/** What Bun gives to socket handlers; the parts used here. */
interface AdoptedSocket {
  readonly fd: number;
  data: PacketSocket | undefined;
  write(data: Uint8Array): number;
  pause(): void;
  resume(): void;
  end(): void;
  terminate(): void;
}

interface AdoptedListener {
  stop(closeConnections?: boolean): void;
}

interface SocketHandlers {
  open(socket: AdoptedSocket): void;
  data(socket: AdoptedSocket, packet: Uint8Array): void;
  drain(socket: AdoptedSocket): void;
  end(socket: AdoptedSocket): void;
  close(socket: AdoptedSocket, error?: Error): void;
  error(socket: AdoptedSocket, error: Error): void;
}

/** Bun's `fd` option; for listen() it is not in the published types. */
interface FdAdopter {
  listen(options: { fd: number; socket: SocketHandlers }): AdoptedListener;
  connect(options: { fd: number; data: PacketSocket; socket: SocketHandlers }): Promise<AdoptedSocket>;
}
const adopt = Bun as unknown as FdAdopter;

export interface PacketHandlers {
  /** `packet` belongs to the handler. */
  onPacket(packet: Uint8Array): void;
  /** Called once, whoever closed. `error` is what broke the connection, if anything did. */
  onClose(error?: Error): void;
}

interface QueuedPacket {
  readonly packet: Uint8Array;
  readonly sent: () => void;
  readonly failed: (error: Error) => void;
}

const closedError = () => new SysError("send", os.constants.errno.EPIPE);

/** One connected socket. Bun does not queue what the kernel does not take, so this does. */
export class PacketSocket {
  handlers: PacketHandlers | undefined;
  #socket: AdoptedSocket | undefined;
  #closed = false;
  #paused = false;
  #maxSendBytes = 0;
  readonly #queue: QueuedPacket[] = [];

  /** The descriptor, for socket options. Valid until the socket is closed. */
  get fd(): number {
    return this.#socket?.fd ?? -1;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Packets that wait for the peer to read. */
  get queuedPackets(): number {
    return this.#queue.length;
  }

  /** Takes over an open socket. */
  attach(socket: AdoptedSocket): void {
    this.#socket = socket;
    this.#maxSendBytes = maxSendBytes(socket.fd);
  }

  /**
   * Sends one packet, at once if the kernel takes it. Resolves when it has; rejects with a SysError: EMSGSIZE
   * when it cannot be sent on this socket at all, EPIPE or ECONNRESET when the peer is gone.
   */
  async send(packet: Uint8Array): Promise<void> {
    if (this.trySend(packet)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#queue.push({ packet, sent: resolve, failed: reject });
    if (this.#queue.length === 1) this.#waitForRoom();
    await promise;
  }

  /**
   * Sends one packet if the kernel takes it now; false when it has to wait for the peer (use `send`).
   * @throws SysError as `send` rejects.
   */
  trySend(packet: Uint8Array): boolean {
    if (this.#closed || this.#socket === undefined) throw closedError();
    this.#fit(packet);
    if (this.#queue.length > 0) return false;
    return this.#write(packet);
  }

  /** Stops reading, so that the peer's sends come to wait in the end. */
  pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused || this.#closed) return;
    this.#paused = false;
    this.#socket?.resume();
  }

  /** Closes at once; packets that still wait are lost. */
  terminate(): void {
    this.#socket?.terminate();
    this.finish();
  }

  /** The kernel takes packets again: sends what waits, as far as that goes. */
  drain(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      try {
        if (!this.#write(next.packet)) {
          this.#waitForRoom();
          return;
        }
        next.sent();
      } catch (error) {
        next.failed(error as Error);
      }
      this.#queue.shift();
    }
  }

  /** The socket is gone. */
  finish(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket = undefined;
    for (const waiting of this.#queue.splice(0)) waiting.failed(error ?? closedError());
    this.handlers?.onClose(error);
  }

  /** The default send buffer holds 208 KiB; beyond that it has to grow, which needs root beyond wmem_max. */
  #fit(packet: Uint8Array): void {
    if (packet.length <= this.#maxSendBytes) return;
    if (packet.length <= MAX_PACKET_BYTES) this.#maxSendBytes = growSendBuffer(this.fd, MAX_PACKET_BYTES);
    if (packet.length > this.#maxSendBytes || packet.length > MAX_PACKET_BYTES) {
      throw new SysError("send", os.constants.errno.EMSGSIZE, `packet of ${packet.length} bytes`);
    }
  }

  #write(packet: Uint8Array): boolean {
    try {
      sendPacket(this.fd, packet);
      return true;
    } catch (error) {
      if (isSysError(error, "EAGAIN")) return false;
      throw error;
    }
  }

  /**
   * Makes Bun report when there is room for the first packet that waits. Only its own write() arms that, so the
   * packet is tried once more that way; if room has appeared meanwhile, this sends it and the rest follows.
   */
  #waitForRoom(): void {
    const next = this.#queue[0];
    if (next === undefined) return;
    if (next.packet.length === 0) {
      setTimeout(() => this.drain(), EMPTY_PACKET_RETRY_MS);
      return;
    }
    const written = this.#socket?.write(next.packet) ?? -1;
    if (written === 0) return;
    this.#queue.shift();
    if (written === next.packet.length) next.sent();
    else next.failed(closedError());
    this.drain();
  }
}

/** An empty packet cannot be given to Bun's write(), so it waits for room by time. */
const EMPTY_PACKET_RETRY_MS = 2;

function handlersFor(open: (socket: AdoptedSocket) => void): SocketHandlers {
  return {
    open,
    data: (socket, packet) => socket.data?.handlers?.onPacket(packet),
    drain: (socket) => socket.data?.drain(),
    // The peer will send no more. dRPC has no use for half a connection.
    end: (socket) => socket.end(),
    close: (socket, error) => socket.data?.finish(error),
    error: (socket, error) => socket.data?.finish(error),
  };
}

export interface SeqpacketListener {
  /** Stops accepting and removes the socket file. Open connections live on. */
  close(): Promise<void>;
}

/**
 * Listens on `path`, which gets `mode` before anyone can connect.
 * @param accept is given each new connection and returns its handlers, or undefined to refuse it.
 * @throws SysError when the path is too long, its folder is missing or not writable …
 */
export async function listenSeqpacket(
  path: string,
  mode: number,
  accept: (socket: PacketSocket) => PacketHandlers | undefined,
  backlog = 4096,
): Promise<SeqpacketListener> {
  const fd = bindSeqpacketFd(path);
  let listener: AdoptedListener;
  let inode: number;
  try {
    await fs.chmod(path, mode);
    inode = (await fs.stat(path)).ino;
    listenFd(fd, backlog);
    listener = adopt.listen({
      fd,
      socket: handlersFor((adopted) => {
        const socket = new PacketSocket();
        adopted.data = socket;
        socket.attach(adopted);
        socket.handlers = accept(socket);
        if (socket.handlers === undefined) socket.terminate();
      }),
    });
  } catch (error) {
    closeFd(fd);
    await fs.rm(path, { force: true });
    throw error;
  }
  return {
    async close() {
      listener.stop(false);
      // Not the file of somebody who took the path over meanwhile.
      const found = await fs.stat(path).catch(() => undefined);
      if (found?.ino === inode) await fs.rm(path, { force: true });
    },
  };
}

/** Pauses between tries while the listener's queue is full. */
const CONNECT_RETRY_MS = [1, 2, 5, 10, 20, 50] as const;

/**
 * Connects to the socket at `path`. A full queue at the listener is waited out until `deadline`
 * (performance.now() milliseconds) or until `signal` is aborted.
 * @throws SysError ENOENT, ECONNREFUSED, EACCES …; EAGAIN at the deadline.
 */
export async function connectSeqpacket(
  path: string,
  handlers: PacketHandlers,
  deadline: number,
  signal?: AbortSignal,
): Promise<PacketSocket> {
  const fd = await connectWhenQueueHasRoom(path, deadline, signal);
  const socket = new PacketSocket();
  socket.handlers = handlers;
  await adopt.connect({ fd, data: socket, socket: handlersFor((adopted) => socket.attach(adopted)) });
  return socket;
}

async function connectWhenQueueHasRoom(
  path: string,
  deadline: number,
  signal?: AbortSignal,
): Promise<number> {
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted();
    try {
      return connectSeqpacketFd(path);
    } catch (error) {
      if (!isSysError(error, "EAGAIN") || performance.now() >= deadline) throw error;
    }
    await Bun.sleep(CONNECT_RETRY_MS[Math.min(tries, CONNECT_RETRY_MS.length - 1)]!);
  }
}
