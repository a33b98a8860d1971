import { errorText } from "../../faults/fault.ts";
import {
  type Event as EtcdEvent,
  Event_EventType,
  KV,
  Watch,
  type WatchRequestSchema,
  type WatchResponse,
} from "../../gen/etcd/rpc_pb.ts";
import type { Logger } from "../../log/logger.ts";
import { type EtcdKeys, text } from "./keys.ts";
import type { EtcdClient, EtcdStream } from "./rpc.ts";

export interface MirrorEntry {
  readonly value: string;
  readonly modRevision: bigint;
}

export interface MirrorEvent {
  readonly key: string;
  /** undefined: removed. */
  readonly value: string | undefined;
  readonly modRevision: bigint;
}

/** A copy of everything below the prefix that follows etcd. */
export interface Mirror {
  /** All up to this revision is in it. */
  revision(): bigint;
  get(key: string): MirrorEntry | undefined;
  entries(): ReadonlyMap<string, MirrorEntry>;
  /** Resolves when the copy is at `revision`, or `timeoutMs` later (false). */
  reached(revision: bigint, timeoutMs: number): Promise<boolean>;
  close(): void;
}

export interface MirrorHandlers {
  /** Changes in order, after they are in the copy. */
  onEvents(events: readonly MirrorEvent[]): void;
  /** The copy was read anew. */
  onReset(): void;
}

const pageKeys = 2_000n;
const retryMs = 100;
const readTimeoutMs = 5_000;

/** Everything below the prefix, at one revision. @throws RpcError without a quorum */
export async function readAll(
  client: EtcdClient,
  range: EtcdKeys["all"],
): Promise<{ entries: Map<string, MirrorEntry>; revision: bigint }> {
  const entries = new Map<string, MirrorEntry>();
  let revision = 0n;
  let from = range.key;
  for (;;) {
    const page = await client.call(
      KV.method.range,
      { key: from, rangeEnd: range.rangeEnd, limit: pageKeys, revision },
      readTimeoutMs,
    );
    if (revision === 0n) revision = page.header?.revision ?? 0n;
    for (const { key, value, modRevision } of page.kvs) {
      entries.set(text(key), { value: text(value), modRevision });
    }
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return { entries, revision };
    // The smallest key after the last one.
    from = new Uint8Array([...last.key, 0]);
  }
}

/**
 * Reads everything, then follows. Resolves when the copy is complete for the first time, which takes a quorum;
 * tries until then. A watch that breaks goes on where it was; where etcd has forgotten that, all is read anew.
 */
export async function openMirror(
  client: EtcdClient,
  range: EtcdKeys["all"],
  handlers: MirrorHandlers,
  log: Logger,
  signal: AbortSignal,
): Promise<Mirror> {
  let entries = new Map<string, MirrorEntry>();
  let revision = 0n;
  let stream: EtcdStream<typeof WatchRequestSchema> | undefined;
  let closed = false;
  let parts: EtcdEvent[] = [];
  let waiting: { readonly revision: bigint; readonly resolve: (there: boolean) => void }[] = [];

  const advance = (to: bigint): void => {
    if (to > revision) revision = to;
    const ready = waiting.filter((one) => one.revision <= revision);
    if (ready.length === 0) return;
    waiting = waiting.filter((one) => one.revision > revision);
    for (const { resolve } of ready) resolve(true);
  };

  const take = (response: WatchResponse): void => {
    parts.push(...response.events);
    if (response.fragment) return;
    const events: MirrorEvent[] = [];
    let newest = 0n;
    for (const { type, kv } of parts) {
      if (kv === undefined || kv.modRevision <= revision) continue;
      const key = text(kv.key);
      const value = type === Event_EventType.PUT ? text(kv.value) : undefined;
      if (value === undefined) entries.delete(key);
      else entries.set(key, { value, modRevision: kv.modRevision });
      events.push({ key, value, modRevision: kv.modRevision });
      if (kv.modRevision > newest) newest = kv.modRevision;
    }
    parts = [];
    if (events.length > 0) handlers.onEvents(events);
    advance(newest);
  };

  const readAnew = async (): Promise<void> => {
    for (;;) {
      signal.throwIfAborted();
      try {
        const read = await readAll(client, range);
        if (read.revision < revision) throw new Error("etcd answered an older revision than before");
        entries = read.entries;
        advance(read.revision);
        return;
      } catch (error) {
        log.debug(`the system cannot be read from etcd yet: ${errorText(error)}`);
        await Bun.sleep(retryMs);
      }
    }
  };

  const again = (reason: string, anew: boolean): void => {
    stream?.close();
    stream = undefined;
    if (closed) return;
    log.debug(`watching etcd again: ${reason}`);
    setTimeout(async () => {
      try {
        if (anew) {
          await readAnew();
          handlers.onReset();
        }
        watch();
      } catch (error) {
        if (!closed) again(errorText(error), anew);
      }
    }, retryMs);
  };

  const watch = (): void => {
    if (closed) return;
    parts = [];
    const own = client.stream(Watch.method.watch, {
      onMessage(response) {
        if (stream !== own) return;
        if (response.canceled || response.compactRevision !== 0n) {
          again(response.cancelReason || "its revision was compacted", response.compactRevision !== 0n);
        } else if (!response.created || response.events.length > 0) take(response);
      },
      onEnd: (error) => {
        if (stream === own) again(errorText(error), false);
      },
    });
    stream = own;
    own.send({
      requestUnion: {
        case: "createRequest",
        value: { ...range, startRevision: revision + 1n, fragment: true },
      },
    });
  };

  await readAnew();
  watch();
  return {
    revision: () => revision,
    get: (key) => entries.get(key),
    entries: () => entries,
    reached(wanted, timeoutMs) {
      if (wanted <= revision) return Promise.resolve(true);
      return new Promise((resolve) => {
        const one = {
          revision: wanted,
          resolve: (there: boolean) => {
            clearTimeout(timer);
            resolve(there);
          },
        };
        const timer = setTimeout(() => {
          waiting = waiting.filter((other) => other !== one);
          resolve(false);
        }, timeoutMs);
        waiting.push(one);
      });
    },
    close() {
      closed = true;
      stream?.close();
      for (const { resolve } of waiting) resolve(false);
      waiting = [];
    },
  };
}
