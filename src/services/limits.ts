/** Bounds of the server; each can be set for a test. */
export interface RpcLimits {
  /** Largest request message; grpc-go's default of 4 MiB would do for all of 2.6. */
  readonly maxMessageBytes: number;
  /** Request bodies held in memory for all connections together, and for those from one address. */
  readonly maxBufferedBytes: number;
  readonly maxBufferedBytesPerAddress: number;
  /** Calls that run at once: on one connection, from one address, in all. */
  readonly maxConcurrentStreams: number;
  readonly maxCallsPerAddress: number;
  readonly maxCalls: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Connections one address may open at once, and a second after that: each costs a handshake. */
  readonly connectBurst: number;
  readonly connectsPerSecond: number;
  /** Fields of one request's headers, and their bytes with HTTP/2's 32 a field; a request with more is refused. */
  readonly maxHeaderFields: number;
  readonly maxHeaderBytes: number;
  /** A connection that has not begun HTTP/2 by then is closed. */
  readonly handshakeTimeoutMs: number;
  /** A request whose message has not fully arrived by then is refused. */
  readonly receiveTimeoutMs: number;
  /** Streams that one connection may reset at once, and a second after that; beyond it the connection is closed. */
  readonly resetBurst: number;
  readonly resetsPerSecond: number;
  /**
   * PING and SETTINGS frames, which each ask for an answer, that one connection may send at once, and a second after
   * that; beyond it the connection is cut. The liveliest of honest peers sends two a second.
   */
  readonly controlBurst: number;
  readonly controlsPerSecond: number;
  /** TCP keep-alive probes begin after this silence: a dead peer frees its connection. */
  readonly keepAliveMs: number;
}

export const defaultLimits: RpcLimits = {
  maxMessageBytes: 16 << 20,
  maxBufferedBytes: 256 << 20,
  maxBufferedBytesPerAddress: 64 << 20,
  maxConcurrentStreams: 1024,
  maxCallsPerAddress: 8192,
  maxCalls: 32_768,
  maxConnections: 16_384,
  maxConnectionsPerAddress: 4096,
  connectBurst: 8192,
  connectsPerSecond: 256,
  maxHeaderFields: 64,
  maxHeaderBytes: 16 << 10,
  handshakeTimeoutMs: 20_000,
  receiveTimeoutMs: 60_000,
  resetBurst: 5000,
  resetsPerSecond: 200,
  controlBurst: 1000,
  controlsPerSecond: 50,
  keepAliveMs: 15_000,
};
