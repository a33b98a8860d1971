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
}

/** Knows which process of this node holds which pool handles, and gives back those of processes that are gone. */
export interface ProcessMonitor {
  poolConnected(pid: number, pool: string, handle: string): Promise<void>;
  poolDisconnected(pid: number, pool: string, handle: string): void;
  /** The process ends in good order; handles it has not closed are evicted. */
  exited(pid: number): Promise<void>;
  /** Evicts all handles there are. `onShutdown` says so in the log. */
  flush(onShutdown?: boolean): Promise<void>;
  /** Looks at no process any more. */
  stop(): void;
}

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
  const { evict, log, intervalMs = 1000 } = options;
  const clients = new Map<number, Client>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  async function poolConnected(pid: number, pool: string, handle: string): Promise<void> {
    const [name, started] = await Promise.all([processName(pid), processStart(pid)]);
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
      }
    }
  }

  /** Looks at all clients as long as there are any. */
  function watch(): void {
    if (stopped || timer !== undefined || clients.size === 0) return;
    timer = setTimeout(async () => {
      await Promise.all([...clients.values()].map(checkAlive));
      timer = undefined;
      watch();
    }, intervalMs);
  }

  async function checkAlive(client: Client): Promise<void> {
    try {
      if ((await processStart(client.pid)) === client.started) return;
    } catch (error) {
      log.error(`${processText(client.pid, client.name)}: ${errorText(error)}`);
      return;
    }
    // It may have said good-bye while we looked.
    if (clients.get(client.pid) !== client) return;
    log.info(`${processText(client.pid, client.name)} terminated unexpectedly`);
    await release(client);
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
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

function addHandle(pools: Map<string, Set<string>>, pool: string, handle: string): void {
  const handles = pools.get(pool);
  if (handles === undefined) pools.set(pool, new Set([handle]));
  else handles.add(handle);
}
