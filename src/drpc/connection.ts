import { isSysError } from "../ffi/libc.ts";
import { DrpcConnectionError, DrpcTimeoutError } from "./errors.ts";
import { decodeResponse, encodeCall } from "./frames.ts";
import { MAX_C_PACKET_BYTES, RECEIVE_BUFFER_BYTES } from "./limits.ts";
import { drpcMethodName } from "./methods.ts";
import { connectSeqpacket, type PacketSocket } from "./seqpacket.ts";
import { DrpcStatusError, Status } from "./status.ts";

export interface DrpcCallOptions {
  /** From the start of the call, connecting included. Default 5 minutes: pool operations of engines are slow. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Longest packet to send: by default what the C side (engine, libdaos) receives, 128 KiB. */
  readonly maxCallBytes?: number;
}

export interface DrpcConnection {
  /** Nobody uses it, and it is not broken. */
  readonly open: boolean;
  /** One call at a time. */
  call(module: number, method: number, body: Uint8Array, options: BoundedCall): Promise<Uint8Array>;
  close(): void;
}

/** A call whose limits are settled. */
export interface BoundedCall {
  readonly timeoutMs: number;
  /** performance.now() milliseconds. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  readonly maxCallBytes: number;
}

const DEFAULT_TIMEOUT_MS = 300_000;

export function boundCall(options: DrpcCallOptions = {}): BoundedCall {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return {
    timeoutMs,
    deadline: performance.now() + timeoutMs,
    signal: options.signal,
    maxCallBytes: options.maxCallBytes ?? MAX_C_PACKET_BYTES,
  };
}

/**
 * Thrown when the peer could not be connected to, or had closed before it could have read the call, which may
 * then be made again elsewhere.
 */
export class NotDeliveredError extends DrpcConnectionError {}

/** Connects. @throws NotDeliveredError, DrpcTimeoutError, the signal's reason. */
export async function openDrpcConnection(path: string, bounded: BoundedCall): Promise<DrpcConnection> {
  let lastSequence = 0n;
  let waiter: { resolve(packet: Uint8Array): void; reject(error: Error): void } | undefined;
  let socket: PacketSocket;
  try {
    socket = await connectSeqpacket(path, { onPacket, onClose }, bounded.deadline, bounded.signal);
  } catch (error) {
    if (bounded.signal?.aborted) throw bounded.signal.reason;
    if (isSysError(error, "EAGAIN")) throw new DrpcTimeoutError(path, bounded.timeoutMs);
    throw connectionError(path, error);
  }

  function onPacket(packet: Uint8Array): void {
    const waiting = waiter;
    waiter = undefined;
    if (waiting === undefined) socket.terminate();
    else waiting.resolve(packet);
  }

  function onClose(error?: Error): void {
    const waiting = waiter;
    waiter = undefined;
    waiting?.reject(
      new DrpcConnectionError(path, "the peer closed the connection before it answered", "", {
        cause: error,
      }),
    );
  }

  /** Sends and waits for one packet; the connection is useless after anything but success. */
  async function exchange(
    packet: Uint8Array,
    { timeoutMs, deadline, signal }: BoundedCall,
  ): Promise<Uint8Array> {
    const answer = Promise.withResolvers<Uint8Array>();
    const abandon = () => answer.reject(signal?.reason);
    const timer = setTimeout(
      () => answer.reject(new DrpcTimeoutError(path, timeoutMs)),
      Math.max(0, deadline - performance.now()),
    );
    signal?.addEventListener("abort", abandon, { once: true });
    waiter = answer;
    try {
      socket.send(packet).catch((error) => answer.reject(notDelivered(path, error)));
      return await answer.promise;
    } catch (error) {
      socket.terminate();
      throw error;
    } finally {
      waiter = undefined;
      clearTimeout(timer);
      signal?.removeEventListener("abort", abandon);
    }
  }

  return {
    get open() {
      return !socket.closed;
    },
    async call(module, method, body, options) {
      options.signal?.throwIfAborted();
      const sequence = ++lastSequence;
      const packet = encodeCall(module, method, sequence, body);
      if (packet.length > options.maxCallBytes) {
        throw new DrpcConnectionError(
          path,
          `a call of ${packet.length} bytes is longer than ${options.maxCallBytes}`,
          "EMSGSIZE",
        );
      }
      return bodyOf(await exchange(packet, options), sequence, drpcMethodName(module, method));
    },
    close: () => socket.terminate(),
  };

  /** A wrong answer leaves nothing to trust on this connection. */
  function bodyOf(packet: Uint8Array, sequence: bigint, name: string): Uint8Array {
    try {
      if (packet.length >= RECEIVE_BUFFER_BYTES)
        throw new DrpcConnectionError(path, `the answer to ${name} is too long`);
      const response = decodeResponse(packet);
      if (response.status === Status.FAILED_UNMARSHAL_CALL || response.sequence === sequence) {
        if (response.status === Status.SUCCESS) return response.body;
        throw new DrpcStatusError(response.status, name);
      }
      throw new DrpcConnectionError(path, `answer ${response.sequence} to call ${sequence} (${name})`);
    } catch (error) {
      if (error instanceof DrpcStatusError) throw error;
      socket.terminate();
      if (error instanceof DrpcConnectionError) throw error;
      throw new DrpcConnectionError(path, `undecodable answer to ${name}`, "", { cause: error });
    }
  }
}

function connectionError(path: string, error: unknown): Error {
  if (!isSysError(error)) return error as Error;
  return new NotDeliveredError(path, `cannot connect (${error.code})`, error.code, { cause: error });
}

function notDelivered(path: string, error: unknown): Error {
  if (!isSysError(error, "EPIPE", "ECONNRESET", "ENOTCONN")) return error as Error;
  return new NotDeliveredError(path, "the peer had closed the connection", error.code, { cause: error });
}
