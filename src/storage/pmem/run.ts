import { faultScmInvalidPMem } from "../../faults/scm.ts";
import type { PmemNamespace } from "../../hardware/pmem.ts";
import {
  type PmemAction,
  type PmemObservation,
  type PmemPlan,
  type PmemRequest,
  planPrepare,
  planReset,
} from "./plan.ts";
import type { PmemState } from "./state.ts";

/** The host's PMem: what there is, and one change at a time. host.ts has the real one. */
export interface PmemHost {
  observe(): Promise<PmemObservation>;
  perform(action: PmemAction): Promise<void>;
}

export interface PmemOutcome {
  readonly state: PmemState;
  readonly rebootRequired: boolean;
  readonly namespaces: readonly PmemNamespace[];
}

/** From free capacity to none takes one round; anything beyond a few means that nothing changes. */
const MAX_ROUNDS = 4;

export interface PmemRunOptions {
  /** Said before each action. */
  readonly onAction?: (action: PmemAction) => void;
}

async function run(
  host: PmemHost,
  plan: (observation: PmemObservation) => PmemPlan,
  options: PmemRunOptions,
): Promise<PmemOutcome> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const observation = await host.observe();
    const { state, actions, next } = plan(observation);
    for (const action of actions) {
      options.onAction?.(action);
      await host.perform(action);
    }
    if (next === "observe") continue;
    return {
      state,
      rebootRequired: next === "reboot",
      namespaces: next === "done" ? observation.namespaces : [],
    };
  }
  throw faultScmInvalidPMem("regions still have free capacity after namespaces were made on them");
}

/**
 * Brings PMem as far as it gets without a reboot. What a run that was cut off has done is found and kept.
 * @throws Fault 212, 213 (see plan.ts), those of the helper's operations.
 */
export function preparePmem(
  host: PmemHost,
  request: PmemRequest,
  options: PmemRunOptions = {},
): Promise<PmemOutcome> {
  return run(host, (observation) => planPrepare(observation, request), options);
}

/** Takes namespaces away now and regions at the next boot. */
export function resetPmem(
  host: PmemHost,
  request: Pick<PmemRequest, "socketId">,
  options: PmemRunOptions = {},
): Promise<PmemOutcome> {
  return run(host, (observation) => planReset(observation, request), options);
}

/** One line about an action, for people. */
export function describeAction(action: PmemAction): string {
  const where = "socketId" in action && action.socketId !== undefined ? ` of socket ${action.socketId}` : "";
  switch (action.do) {
    case "delete-goals":
      return `delete memory allocation goals${where}`;
    case "create-goal":
      return `set a goal of interleaved AppDirect over all capacity${where}`;
    case "create-namespace":
      return `create a namespace of ${action.sizeBytes} bytes on ${action.region}`;
    case "unmount":
      return `unmount ${action.device} where it is mounted`;
    case "destroy-namespace":
      return `destroy ${action.name}`;
  }
}
