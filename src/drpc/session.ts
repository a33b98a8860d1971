import { errorText } from "../faults/fault.ts";
import { isSysError } from "../ffi/libc.ts";
import { peerCredentials, peerSecurityLabel } from "../ffi/socket.ts";
import type { Logger } from "../log/logger.ts";
import { type Call, decodeCall, encodeResponse, NO_SEQUENCE } from "./frames.ts";
import type { Limiter } from "./limiter.ts";
import { RECEIVE_BUFFER_BYTES } from "./limits.ts";
import { drpcMethodName } from "./methods.ts";
import type { PacketSocket } from "./seqpacket.ts";
import { Status, statusOf } from "./status.ts";
import type { DrpcModules, DrpcPeer, DrpcSession } from "./types.ts";

/** Packets of one peer that may wait here while a call of that peer runs; then we stop reading from it. */
const MAX_WAITING_PACKETS = 16;

export interface SessionOptions {
  readonly id: number;
  readonly socket: PacketSocket;
  /** Who is there; asked of the socket when absent. */
  readonly peer?: DrpcPeer;
  readonly modules: DrpcModules;
  readonly log: Logger;
  /** Shared by all sessions of a server. */
  readonly limiter: Limiter;
  readonly maxAnswerBytes: number;
  onClose(): void;
}

export interface ServerSession {
  /** A call runs or waits. */
  readonly busy: boolean;
  onPacket(packet: Uint8Array): void;
  onClose(): void;
  /** Reads no more calls; those already read are answered. */
  stopReading(): void;
}

interface Answer {
  readonly sequence: bigint;
  readonly status: Status;
  readonly body?: Uint8Array;
}

/** Table look-up by a number a peer sent. */
function own<T>(table: Readonly<Record<number, T>>, key: number): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/**
 * One connection. Its calls are answered one after the other, in the order they came, as 2.6 does; whatever
 * a peer sends, only its own connection suffers.
 */
export function createSession(options: SessionOptions): ServerSession {
  const { socket, modules, log, limiter } = options;
  const gone = new AbortController();
  const peer = options.peer ?? peerCredentials(socket.fd);
  let label: string | undefined;
  const session: DrpcSession = {
    id: options.id,
    peer,
    signal: gone.signal,
    get securityLabel() {
      label ??= socket.closed ? "" : peerSecurityLabel(socket.fd);
      return label;
    },
  };
  const waiting: Uint8Array[] = [];
  let running = false;
  let stopped = false;

  function onPacket(packet: Uint8Array): void {
    waiting.push(packet);
    if (!running) takeNext();
    else if (waiting.length >= MAX_WAITING_PACKETS) socket.pause();
  }

  function takeNext(): void {
    if (running || gone.signal.aborted) return;
    const packet = waiting.shift();
    if (packet === undefined) return;
    if (!stopped && waiting.length < MAX_WAITING_PACKETS / 2) socket.resume();
    running = true;
    limiter.enter(() => run(packet));
  }

  function run(packet: Uint8Array): void {
    const answer = gone.signal.aborted ? undefined : dispatch(packet);
    if (answer instanceof Promise) answer.then(reply);
    else reply(answer);
  }

  function next(): void {
    running = false;
    limiter.release();
    takeNext();
  }

  /** What to answer to a packet. Does not throw. */
  function dispatch(packet: Uint8Array): Answer | Promise<Answer> {
    let call: Call;
    try {
      if (packet.length >= RECEIVE_BUFFER_BYTES) throw new Error("packet too long");
      call = decodeCall(packet);
    } catch (error) {
      log.error(`dRPC: undecodable call of ${packet.length} bytes from pid ${peer.pid}: ${errorText(error)}`);
      return { sequence: NO_SEQUENCE, status: Status.FAILED_UNMARSHAL_CALL };
    }
    const methods = own(modules, call.module);
    if (methods === undefined) {
      log.error(`dRPC: call of unregistered module ${call.module} from pid ${peer.pid}`);
      return { sequence: call.sequence, status: Status.UNKNOWN_MODULE };
    }
    const handler = own(methods, call.method);
    if (handler === undefined) {
      log.error(
        `dRPC: call of unknown method ${drpcMethodName(call.module, call.method)} from pid ${peer.pid}`,
      );
      return { sequence: call.sequence, status: Status.UNKNOWN_METHOD };
    }
    try {
      const body = handler(call.body, session);
      if (!(body instanceof Promise)) return success(call, body);
      return body.then(
        (bytes) => success(call, bytes),
        (error) => failure(call, error),
      );
    } catch (error) {
      return failure(call, error);
    }
  }

  function success(call: Call, body: Uint8Array): Answer {
    if (body.length <= options.maxAnswerBytes)
      return { sequence: call.sequence, status: Status.SUCCESS, body };
    return failure(
      call,
      new Error(`the answer has ${body.length} bytes, ${options.maxAnswerBytes} are allowed`),
    );
  }

  function failure(call: Call, error: unknown): Answer {
    log.error(`dRPC: ${drpcMethodName(call.module, call.method)} failed: ${errorText(error)}`);
    return { sequence: call.sequence, status: statusOf(error) };
  }

  /** Sends the answer, if there is still somebody to have it. The next call is taken when the kernel has it. */
  function reply(answer: Answer | undefined): void {
    if (answer === undefined || gone.signal.aborted) {
      next();
      return;
    }
    const packet = encodeResponse(answer.sequence, answer.status, answer.body);
    try {
      if (!socket.trySend(packet)) {
        socket.send(packet).catch(dropPeer).then(next);
        return;
      }
    } catch (error) {
      dropPeer(error);
    }
    next();
  }

  /** An answer that cannot be delivered ends the connection: the peer must not wait for it. */
  function dropPeer(error: unknown): void {
    if (!isSysError(error, "EPIPE", "ECONNRESET")) {
      log.error(`dRPC: answer to pid ${peer.pid} not sent: ${errorText(error)}`);
    }
    socket.terminate();
  }

  return {
    get busy() {
      return running || waiting.length > 0;
    },
    onPacket,
    onClose() {
      waiting.length = 0;
      gone.abort(new Error("the dRPC peer is gone"));
      options.onClose();
    },
    stopReading() {
      stopped = true;
      socket.pause();
    },
  };
}
