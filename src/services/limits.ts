/** Bounds of the server; each can be set for a test. */
export interface RpcLimits {
  /** Largest request message; grpc-go's default of 4 MiB would do for all of 2.6. */
  readonly maxMessageBytes: number;
  /** Request bodies held in memory for all connections together. */
  readonly maxBufferedBytes: number;
  readonly maxConcurrentStreams: number;
  readonly maxConnections: number;
  /** A connection that has not begun HTTP/2 by then is closed. */
  readonly handshakeTimeoutMs: number;
  /** A request whose message has not fully arrived by then is refused. */
  readonly receiveTimeoutMs: number;
  /** Streams that one connection may reset at once, and a second after that; beyond it the connection is closed. */
  readonly resetBurst: number;
  readonly resetsPerSecond: number;
  /** TCP keep-alive probes begin after this silence: a dead peer frees its connection. */
  readonly keepAliveMs: number;
}

export const defaultLimits: RpcLimits = {
  maxMessageBytes: 16 << 20,
  maxBufferedBytes: 256 << 20,
  maxConcurrentStreams: 1024,
  maxConnections: 16_384,
  handshakeTimeoutMs: 20_000,
  receiveTimeoutMs: 60_000,
  resetBurst: 5000,
  resetsPerSecond: 200,
  keepAliveMs: 15_000,
};
