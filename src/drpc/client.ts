import {
  type BoundedCall,
  boundCall,
  type DrpcCallOptions,
  type DrpcConnection,
  NotDeliveredError,
  openDrpcConnection,
} from "./connection.ts";
import { DrpcConnectionError, DrpcTimeoutError } from "./errors.ts";

export { type DrpcCallOptions, DrpcConnectionError, DrpcTimeoutError, NotDeliveredError };

/**
 * One call on a connection of its own, as 2.6 makes them.
 * @returns the body of the answer, which may be empty.
 * @throws DrpcStatusError when the peer answers a status other than SUCCESS; DrpcConnectionError when it cannot
 * be reached, breaks off or answers nonsense; DrpcTimeoutError; the signal's reason when that is aborted.
 */
export async function callDrpc(
  path: string,
  module: number,
  method: number,
  body: Uint8Array,
  options?: DrpcCallOptions,
): Promise<Uint8Array> {
  const bounded = boundCall(options);
  const connection = await openDrpcConnection(path, bounded);
  try {
    return await connection.call(module, method, body, bounded);
  } finally {
    connection.close();
  }
}

export interface DrpcClient {
  readonly path: string;
  /** As callDrpc, over connections that are kept. */
  call(module: number, method: number, body: Uint8Array, options?: DrpcCallOptions): Promise<Uint8Array>;
  /** Breaks off running calls. The client cannot be used afterwards. */
  close(): void;
}

export interface DrpcClientOptions {
  /** Calls that run at once, each on its own connection: an engine that creates a pool still answers a ping. */
  readonly maxConnections?: number;
  /** Calls that may wait for a connection; more are refused. */
  readonly maxWaiting?: number;
  /** Connections kept open while nothing is called. */
  readonly maxIdle?: number;
}

/**
 * A client that keeps its connections, so that a call costs one packet each way. When the peer has restarted
 * on the same path the next call connects again by itself; a call that the old peer may have read is not
 * repeated.
 */
export function createDrpcClient(path: string, options: DrpcClientOptions = {}): DrpcClient {
  const { maxConnections = 16, maxWaiting = 1024, maxIdle = 4 } = options;
  const idle: DrpcConnection[] = [];
  const used = new Set<DrpcConnection>();
  const waiting: (() => void)[] = [];
  let running = 0;
  let closed = false;

  /** Waits for a turn, at most until the call's own deadline. */
  async function enter(bounded: BoundedCall): Promise<void> {
    if (running < maxConnections) {
      running++;
      return;
    }
    if (waiting.length >= maxWaiting)
      throw new DrpcConnectionError(path, `${waiting.length} calls are waiting already`, "EBUSY");
    const turn = Promise.withResolvers<void>();
    const giveUp = (error: unknown) => {
      const index = waiting.indexOf(turn.resolve);
      if (index < 0) return;
      waiting.splice(index, 1);
      turn.reject(error);
    };
    const abandon = () => giveUp(bounded.signal?.reason);
    const timer = setTimeout(
      () => giveUp(new DrpcTimeoutError(path, bounded.timeoutMs)),
      bounded.deadline - performance.now(),
    );
    bounded.signal?.addEventListener("abort", abandon, { once: true });
    waiting.push(turn.resolve);
    try {
      await turn.promise;
    } finally {
      clearTimeout(timer);
      bounded.signal?.removeEventListener("abort", abandon);
    }
  }

  /** Hands the turn on, or gives it back. */
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }

  async function onConnection(
    connection: DrpcConnection,
    use: (connection: DrpcConnection) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    used.add(connection);
    try {
      return await use(connection);
    } finally {
      used.delete(connection);
      if (!closed && connection.open && idle.length < maxIdle) idle.push(connection);
      else connection.close();
    }
  }

  return {
    path,
    async call(module, method, body, callOptions) {
      const bounded = boundCall(callOptions);
      bounded.signal?.throwIfAborted();
      await enter(bounded);
      try {
        const use = (connection: DrpcConnection) => connection.call(module, method, body, bounded);
        for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) {
          if (!kept.open) continue;
          try {
            return await onConnection(kept, use);
          } catch (error) {
            // The peer went away while the connection was idle: it cannot have seen this call.
            if (!(error instanceof NotDeliveredError)) throw error;
          }
        }
        if (closed) throw new DrpcConnectionError(path, "the client is closed");
        return await onConnection(await openDrpcConnection(path, bounded), use);
      } finally {
        leave();
      }
    },
    close() {
      closed = true;
      for (const connection of [...idle.splice(0), ...used]) connection.close();
    },
  };
}
