import { CallNotSentFault, faultDataPlaneNotStarted, faultHarnessNotStarted } from "./faults.ts";
import type { ManagedInstance } from "./instance.ts";
import type { EngineHarness } from "./types.ts";

/** All engines of this server. */
export interface ManagedHarness extends EngineHarness {
  readonly instances: readonly ManagedInstance[];
  /** Starts every engine. From here on the harness counts as started. */
  start(): void;
  /** The instances whose ranks are among `ranks`. */
  withRanks(ranks: readonly number[]): ManagedInstance[];
  /** Stops every engine in order, all at once; see ManagedInstance.shutdown. */
  shutdown(graceMs: number): Promise<void>;
}

export function createHarness(instances: readonly ManagedInstance[]): ManagedHarness {
  let started = false;
  return {
    instances,
    isStarted: () => started,
    start() {
      started = true;
      for (const instance of instances) instance.start();
    },
    withRanks(ranks) {
      const wanted = new Set(ranks);
      return instances.filter((instance) => {
        const rank = instance.rank();
        return rank !== undefined && wanted.has(rank);
      });
    },
    async callDrpc(method, body, options) {
      if (!started) throw faultHarnessNotStarted();
      let last: unknown = faultDataPlaneNotStarted();
      for (const instance of instances) {
        try {
          return await instance.callDrpc(method, body, options);
        } catch (error) {
          last = error;
          // Another engine may be up. A call that this one may have seen is not made twice.
          if (!(error instanceof CallNotSentFault)) throw error;
        }
      }
      throw last;
    },
    async shutdown(graceMs) {
      started = false;
      await Promise.all(instances.map((instance) => instance.shutdown(graceMs)));
    },
  };
}
