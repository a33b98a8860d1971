import type { RpcLimits } from "./limits.ts";

/** What one address uses of the server now: all connections from it together. */
export interface Caller {
  connections: number;
  calls: number;
  /** Bytes of request bodies in memory. */
  bufferedBytes: number;
}

/** Who uses how much, so that a flood takes from its sender's share and from nobody else's. */
export interface Callers {
  /** A connection comes; undefined: the address has too many, or opens them too fast. */
  connect(address: string): Caller | undefined;
  disconnect(address: string, caller: Caller): void;
  /** A call begins; false: too many run, from there or in all. */
  beginCall(caller: Caller): boolean;
  endCall(caller: Caller): void;
  /** Bytes of a body came; false: too many are held, from there or in all. They count until given back. */
  hold(caller: Caller, bytes: number): boolean;
  release(caller: Caller, bytes: number): void;
}

interface Entry extends Caller {
  /** Connections it may still open at once, as of `atMs`. */
  tokens: number;
  atMs: number;
}

/** Addresses remembered that have no connection now; they are forgotten once their tokens would be back. */
const maxIdle = 65_536;

/** Counts by address. `now` is in milliseconds and never goes back. */
export function createCallers(limits: RpcLimits, now: () => number = () => performance.now()): Callers {
  const entries = new Map<string, Entry>();
  let calls = 0;
  let bufferedBytes = 0;

  function entryOf(address: string): Entry {
    const atMs = now();
    let entry = entries.get(address);
    if (entry === undefined) {
      entry = { connections: 0, calls: 0, bufferedBytes: 0, tokens: limits.connectBurst, atMs };
      if (entries.size >= maxIdle) forgetIdle();
      entries.set(address, entry);
    }
    const earned = ((atMs - entry.atMs) / 1000) * limits.connectsPerSecond;
    entry.tokens = Math.min(limits.connectBurst, entry.tokens + earned);
    entry.atMs = atMs;
    return entry;
  }

  function forgetIdle(): void {
    for (const [address, entry] of entries) if (entry.connections === 0) entries.delete(address);
  }

  return {
    connect(address) {
      const entry = entryOf(address);
      if (entry.tokens < 1 || entry.connections >= limits.maxConnectionsPerAddress) return undefined;
      entry.tokens--;
      entry.connections++;
      return entry;
    },
    disconnect(address, caller) {
      caller.connections--;
      // With all its tokens back there is nothing to remember.
      if (caller.connections === 0 && entryOf(address).tokens >= limits.connectBurst) entries.delete(address);
    },
    beginCall(caller) {
      if (calls >= limits.maxCalls || caller.calls >= limits.maxCallsPerAddress) return false;
      calls++;
      caller.calls++;
      return true;
    },
    endCall(caller) {
      calls--;
      caller.calls--;
    },
    hold(caller, bytes) {
      bufferedBytes += bytes;
      caller.bufferedBytes += bytes;
      return (
        bufferedBytes <= limits.maxBufferedBytes && caller.bufferedBytes <= limits.maxBufferedBytesPerAddress
      );
    },
    release(caller, bytes) {
      bufferedBytes -= bytes;
      caller.bufferedBytes -= bytes;
    },
  };
}
