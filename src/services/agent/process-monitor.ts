import { errorText } from "../../faults/fault.ts";
import type { Logger } from "../../log/logger.ts";
import { processName, processStart, processText } from "./process.ts";

/** Pool handles by pool, both UUIDs. */
export type PoolHandles = ReadonlyMap<string, ReadonlySet<string>>;

export interface ProcessMonitorOptions {
  /** Takes handles of one pool away from whoever holds them (PoolEvict at the management service). */
  readonly evict: (pool: string, handles: readonly string[]) => Promise<void>;
  readonly log: Logger;
  /** How often processes with open handles are looked at (2.6: every 3 s). */
  readonly intervalMs?: number;
  /** How soon an eviction that failed is tried again. */
  readonly retryMs?: number;
}

/** Knows which process of this node holds which pool handles, and gives back those of processes that are gone. */
export interface ProcessMonitor {
  poolConnected(pid: number, pool: string, handle: string): void;
  poolDisconnected(pid: number, pool: string, handle: string): void;
  /** The process ends in good order; handles it has not closed are evicted. */
  exited(pid: number): Promise<void>;
  /** Evicts all handles there are. `onShutdown` says so in the log. */
  flush(onShutdown?: boolean): Promise<void>;
  /** Who holds what, by process. */
  holders(): readonly HandleHolder[];
  /** Handles of processes that are gone, which the management service could not yet be told of. */
  unfinished(): number;
  /** Looks at no process any more. */
  stop(): void;
}

export interface HandleHolder {
  readonly pid: number;
  readonly name: string;
  readonly pools: PoolHandles;
}

/** An eviction that failed. */
interface Unfinished {
  readonly pool: string;
  readonly handles: readonly string[];
  readonly from: string;
  tries: number;
}

/** With retryMs of its default that is an hour. */
const MAX_TRIES = 360;
/** Processes looked at in one turn of the loop. */
const LOOK_AT_ONCE = 200;

interface Client {
  readonly pid: number;
  readonly name: string | undefined;
  /** Tells it from a later process of the same number. */
  readonly started: string | undefined;
  readonly pools: Map<string, Set<string>>;
}

/** Enough of a UUID to find it in a log. */
const short = (uuid: string) => uuid.slice(0, 8);

export function createProcessMonitor(options: ProcessMonitorOptions): ProcessMonitor {
  const { evict, log, intervalMs = 1000, retryMs = 10_000 } = options;
  const clients = new Map<number, Client>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let unfinished: Unfinished[] = [];
  let stopped = false;

  function poolConnected(pid: number, pool: string, handle: string): void {
    if (pid === 0) {
      log.error(
        `${short(pool)}/${short(handle)}: opened by a process of another pid namespace, which cannot be watched: the handle stays when that process dies`,
      );
      return;
    }
    const name = processName(pid);
    const started = processStart(pid);
    let client = clients.get(pid);
    if (client !== undefined && started !== undefined && client.started !== started) {
      // Its number has gone to another process before we noticed its end.
      clients.delete(pid);
      void release(client);
      client = undefined;
    }
    if (client === undefined) {
      if (name === undefined) {
        log.error(`failed to get process name for pid ${pid}`);
        return;
      }
      client = { pid, name, started, pools: new Map() };
      clients.set(pid, client);
    }
    log.debug(`${processText(pid, client.name)}, connect ${short(pool)}/${short(handle)}`);
    addHandle(client.pools, pool, handle);
    watch();
  }

  function poolDisconnected(pid: number, pool: string, handle: string): void {
    const client = clients.get(pid);
    const handles = client?.pools.get(pool);
    if (client === undefined || handles === undefined || !handles.delete(handle)) return;
    log.debug(`${processText(pid, client.name)}, disconnect ${short(pool)}/${short(handle)}`);
    if (handles.size === 0) client.pools.delete(pool);
    if (client.pools.size === 0) clients.delete(pid);
  }

  async function release(client: Client): Promise<void> {
    if (clients.get(client.pid) === client) clients.delete(client.pid);
    await evictAll(client.pools, "leaked handles", ` from ${processText(client.pid, client.name)}`);
  }

  async function evictAll(pools: PoolHandles, what: string, from: string): Promise<void> {
    for (const [pool, handles] of pools) {
      if (handles.size === 0) continue;
      log.info(`pool ${pool}: cleaning up ${handles.size} ${what}${from}`);
      try {
        await evict(pool, [...handles]);
      } catch (error) {
        log.error(`pool ${pool}: failed to evict ${handles.size} handles: ${errorText(error)}`);
        unfinished.push({ pool, handles: [...handles], from, tries: 1 });
        retryLater();
      }
    }
  }

  /** The management service may be away for a while; its engines keep the handles until they are told. */
  function retryLater(): void {
    if (stopped || unfinished.length === 0) return;
    retryTimer ??= setTimeout(async () => {
      const due = unfinished;
      unfinished = [];
      for (const item of due) {
        try {
          await evict(item.pool, item.handles);
          log.info(`pool ${item.pool}: cleaned up ${item.handles.length} leaked handles${item.from}`);
        } catch (error) {
          item.tries++;
          if (item.tries < MAX_TRIES) unfinished.push(item);
          else
            log.error(
              `pool ${item.pool}: gave up evicting ${item.handles.length} handles: ${errorText(error)}`,
            );
        }
      }
      retryTimer = undefined;
      retryLater();
    }, retryMs);
  }

  /** Looks at all clients as long as there are any. */
  function watch(): void {
    if (stopped || timer !== undefined || clients.size === 0) return;
    timer = setTimeout(async () => {
      const all = [...clients.values()];
      for (let at = 0; at < all.length; at += LOOK_AT_ONCE) {
        if (at > 0) await nextTurn();
        for (const client of all.slice(at, at + LOOK_AT_ONCE)) checkAlive(client);
      }
      timer = undefined;
      watch();
    }, intervalMs);
  }

  function checkAlive(client: Client): void {
    // It may have said good-bye meanwhile.
    if (clients.get(client.pid) !== client) return;
    try {
      if (processStart(client.pid) === client.started) return;
    } catch (error) {
      log.error(`${processText(client.pid, client.name)}: ${errorText(error)}`);
      return;
    }
    log.info(`${processText(client.pid, client.name)} terminated unexpectedly`);
    void release(client);
  }

  return {
    poolConnected,
    poolDisconnected,
    async exited(pid) {
      const client = clients.get(pid);
      if (client !== undefined) await release(client);
    },
    async flush(onShutdown = false) {
      log.info(`flushing all open local pool handles${onShutdown ? " on shutdown" : ""}`);
      const all = new Map<string, Set<string>>();
      for (const client of clients.values()) {
        for (const [pool, handles] of client.pools) {
          for (const handle of handles) addHandle(all, pool, handle);
        }
      }
      clients.clear();
      await evictAll(all, onShutdown ? "handles on shutdown" : "leaked handles", "");
    },
    holders: () => [...clients.values()].map(({ pid, name, pools }) => ({ pid, name: name ?? "", pools })),
    unfinished: () => unfinished.reduce((sum, { handles }) => sum + handles.length, 0),
    stop() {
      stopped = true;
      clearTimeout(timer);
      clearTimeout(retryTimer);
    },
  };
}

function addHandle(pools: Map<string, Set<string>>, pool: string, handle: string): void {
  const handles = pools.get(pool);
  if (handles === undefined) pools.set(pool, new Set([handle]));
  else handles.add(handle);
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
