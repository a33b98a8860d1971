import { Lease, type LeaseKeepAliveRequestSchema } from "../../gen/etcd/rpc_pb.ts";
import type { EtcdClient, EtcdStream } from "./rpc.ts";

/** A lease that is renewed until it is closed or lost. */
export interface KeptLease {
  readonly id: bigint;
  /** It holds at least until then, by performance.now(), whatever happens. */
  validUntilMs(): number;
  close(): void;
}

/** Clocks of two machines do not run alike: we count on less than etcd grants. */
const marginPart = 0.1;
const renewalsPerLife = 6;

/**
 * Asks for a lease and keeps it. Time is counted from when a request was sent, by the monotonic clock, so that an
 * answer that was long on its way does not make it look longer than it is.
 * @throws RpcError when it is not granted
 */
export async function keepLease(
  client: EtcdClient,
  ttlSeconds: number,
  onLost: (reason: string) => void,
): Promise<KeptLease> {
  const askedMs = performance.now();
  const granted = await client.call(Lease.method.leaseGrant, { TTL: BigInt(ttlSeconds) });
  const lifeMs = Number(granted.TTL) * 1000 * (1 - marginPart);
  const id = granted.ID;
  let validUntilMs = askedMs + lifeMs;
  let sentMs: number[] = [];
  let stream: EtcdStream<typeof LeaseKeepAliveRequestSchema> | undefined;
  let closed = false;

  const lose = (reason: string): void => {
    if (closed) return;
    close();
    onLost(reason);
  };
  const open = (): void => {
    sentMs = [];
    const own = client.stream(Lease.method.leaseKeepAlive, {
      onMessage({ TTL }) {
        if (stream !== own) return;
        const askedAtMs = sentMs.shift();
        if (TTL <= 0n) lose("its lease is gone");
        else if (askedAtMs !== undefined) validUntilMs = Math.max(validUntilMs, askedAtMs + lifeMs);
      },
      onEnd() {
        if (stream === own) stream = undefined;
      },
    });
    stream = own;
  };
  const renew = (): void => {
    if (performance.now() >= validUntilMs) {
      lose("its lease could not be renewed in time");
      return;
    }
    try {
      if (stream === undefined) open();
      sentMs.push(performance.now());
      stream?.send({ ID: id });
    } catch {
      // etcd is down; it is tried again until the time is over.
      stream = undefined;
    }
  };
  const timer = setInterval(renew, lifeMs / renewalsPerLife);
  const close = (): void => {
    closed = true;
    clearInterval(timer);
    stream?.close();
    stream = undefined;
  };
  return { id, validUntilMs: () => validUntilMs, close };
}
