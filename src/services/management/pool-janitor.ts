import { errorText } from "../../faults/fault.ts";
import { listPools } from "../../system/pools.ts";
import type { PoolService } from "../../system/types.ts";
import { type Core, isCheckerEnabled } from "./core.ts";
import { isEngineNotReady } from "./engine-call.ts";
import { destroyPool } from "./pool-destroy.ts";
import type { PoolLocks } from "./pool-locks.ts";

const retryDelayMs = 2_000;
const notReadyDelayMs = 200;

/** Finishes what was left unfinished: pools half made or half destroyed. */
export interface PoolJanitor {
  /** From when leadership is gained. */
  start(): void;
  /** Looks again now: an operation has just left something behind. */
  clean(): void;
  stop(): void;
  /** Resolves when no clean-up is running. */
  idle(): Promise<void>;
}

/**
 * A pool being destroyed is destroyed; so is one being made that nobody here is making, when this is the
 * only replica (otherwise the engine may still be making it for an earlier leader, and will tell). Tries
 * again until nothing is left.
 */
export function createPoolJanitor(core: Core, locks: PoolLocks): PoolJanitor {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;
  /** Pools the log has been told of, once each. */
  const announced = new Set<string>();

  const unfinished = (): PoolService[] => {
    if (!core.isLeader()) return [];
    const state = core.leader({ whileChecking: true });
    if (isCheckerEnabled(state)) return [];
    const alone = core.deps.replicas.length === 1;
    return listPools(state, true).filter(
      (pool) =>
        pool.state === "Destroying" || (pool.state === "Creating" && alone && !locks.isLocked(pool.uuid)),
    );
  };

  const cleanAll = async (): Promise<number | undefined> => {
    let delayMs: number | undefined;
    for (const pool of unfinished()) {
      if (stopped) return undefined;
      if (locks.isLocked(pool.uuid)) {
        delayMs ??= retryDelayMs;
        continue;
      }
      if (!announced.has(pool.uuid)) core.log.error(`pool ${pool.uuid} is in unexpected state ${pool.state}`);
      announced.add(pool.uuid);
      const options = { sys: core.deps.systemName, force: true, recursive: true };
      try {
        const status = await destroyPool(core, locks, pool.uuid, options);
        if (status !== 0) delayMs = retryDelayMs;
      } catch (error) {
        const notReady = isEngineNotReady(error);
        delayMs = Math.min(delayMs ?? retryDelayMs, notReady ? notReadyDelayMs : retryDelayMs);
        if (!notReady) core.log.error(`pool ${pool.uuid} not destroyed: ${errorText(error)}`);
      }
    }
    return delayMs;
  };

  const run = async (): Promise<void> => {
    let delayMs: number | undefined;
    do {
      again = false;
      delayMs = await cleanAll();
    } while (again && !stopped);
    running = undefined;
    if (delayMs !== undefined) schedule(delayMs);
  };

  const schedule = (delayMs: number): void => {
    clearTimeout(timer);
    if (stopped) return;
    timer = setTimeout(() => {
      if (running === undefined) running = run();
      else again = true;
    }, delayMs);
  };

  return {
    start: () => schedule(0),
    clean: () => schedule(0),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
    async idle() {
      await running;
    },
  };
}
