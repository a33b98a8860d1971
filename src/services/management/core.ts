import {
  NotLeaderError,
  NotReplicaError,
  UnavailableError,
  UninitializedError,
} from "../../faults/system.ts";
import type { Logger } from "../../log/logger.ts";
import type { Store } from "../../store/store.ts";
import { serviceValue } from "../../system/attributes.ts";
import { faultCheckerEnabled } from "../../system/faults.ts";
import type { Decision, SystemState } from "../../system/types.ts";
import type { ManagementDeps } from "./deps.ts";
import type { Journal } from "./journal.ts";

/** The parts of a service that runs. */
export interface Running {
  readonly store: Store;
  readonly journal: Journal;
}

export interface GuardOptions {
  /** The method may be called while the checker is enabled. */
  readonly whileChecking?: boolean;
}

/** What every handler stands on: where the system is, whether this server may answer for it. */
export interface Core {
  readonly deps: ManagementDeps;
  readonly log: Logger;
  /** "ip:port" holds a replica. */
  isReplica(addr: string): boolean;
  /** This server is the leader now. */
  isLeader(): boolean;
  running(): Running | undefined;
  /**
   * The state, for a method only the leader may answer.
   * @throws NotReplicaError, UninitializedError, NotLeaderError, UnavailableError, Fault 1103.
   */
  leader(options?: GuardOptions): SystemState;
  /**
   * The state, for a method any replica may answer.
   * @throws NotReplicaError, UninitializedError, Fault 1103.
   */
  replica(options?: GuardOptions): SystemState;
  /** Runs a decision through the journal; see there. @throws also what leader() throws. */
  decide<T>(decide: (state: SystemState) => Decision<T>): Promise<T>;
  /**
   * What leader() and replica() answer after this is not older than the call: for reads that others decide upon.
   * @throws NotLeaderError, UnavailableError
   */
  confirm(): Promise<void>;
  /** Now, as records keep it: RFC 3339, UTC. */
  timestamp(): string;
}

export const checkerEnabledName = "checker_enabled";

export function isCheckerEnabled(state: SystemState): boolean {
  return serviceValue(state, checkerEnabledName) === "true";
}

export function createCore(
  deps: ManagementDeps,
  running: () => Running | undefined,
  isStarting: () => boolean,
): Core {
  const isReplica = (addr: string): boolean => deps.replicas.includes(addr);

  const started = (): Running => {
    if (!isReplica(deps.selfAddr)) throw new NotReplicaError(deps.replicas);
    const parts = running();
    // A replica that waits for its quorum is formatted: callers do well to come again.
    if (parts === undefined) throw isStarting() ? new UnavailableError() : new UninitializedError();
    return parts;
  };
  const checked = (state: SystemState, options: GuardOptions): SystemState => {
    if (options.whileChecking !== true && isCheckerEnabled(state)) throw faultCheckerEnabled();
    return state;
  };
  const leading = (): Running => {
    const parts = started();
    const { leader, leaderHint } = parts.store.leadership();
    if (!leader) throw notLeader(deps, leaderHint);
    // Leader, but what an earlier one has left is still being read.
    if (!parts.journal.isOpen()) throw new UnavailableError();
    return parts;
  };

  return {
    deps,
    log: deps.log,
    isReplica,
    isLeader() {
      const parts = running();
      return parts?.journal.isOpen() === true && parts.store.leadership().leader;
    },
    running,
    leader: (options = {}) => checked(leading().journal.state(), options),
    replica: (options = {}) => checked(started().journal.state(), options),
    async decide(decide) {
      return leading().journal.decide(decide);
    },
    confirm: () => started().store.barrier(),
    timestamp: () => deps.now().toISOString(),
  };
}

/** The refusal of a replica that does not lead. */
export function notLeader(deps: ManagementDeps, leaderHint: string): NotLeaderError {
  return new NotLeaderError(
    leaderHint,
    deps.replicas.filter((addr) => addr !== deps.selfAddr),
  );
}

/** An empty system can answer no question about its members: the caller should ask another replica. */
export function requireMembers(state: SystemState): void {
  if (state.members.size === 0) throw new UnavailableError();
}
