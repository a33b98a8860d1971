import type { NetDevice } from "../../hardware/netdev.ts";
import { type NetDevState, readNetDevState } from "../../hardware/netdev-state.ts";
import type { Logger } from "../../log/logger.ts";

export interface FabricReadyOptions {
  readonly log: Logger;
  /** Aborted when the agent stops. */
  readonly signal: AbortSignal;
  readonly pollMs?: number;
  /** Another than the host's own, for tests. */
  readonly readState?: (name: string) => Promise<NetDevState>;
}

/**
 * Waits for the interfaces of a kind that are coming up: after a boot, InfiniBand takes its time. Those that are
 * down are not waited for.
 */
export async function awaitFabricReady(
  devices: readonly NetDevice[],
  deviceClass: number,
  options: FabricReadyOptions,
): Promise<void> {
  const { log, signal, pollMs = 1_000, readState = readNetDevState } = options;
  let waiting = devices.filter((device) => device.deviceClass === deviceClass).map(({ name }) => name);
  for (let told = false; ; told = true) {
    const states = await Promise.all(waiting.map(async (name) => ({ name, state: await readState(name) })));
    waiting = states.filter(({ state }) => state === "coming").map(({ name }) => name);
    if (waiting.length === 0) return;
    if (!told) log.notice(`waiting for fabric interfaces to become ready: ${waiting.join(", ")}`);
    await Bun.sleep(pollMs);
    signal.throwIfAborted();
  }
}
