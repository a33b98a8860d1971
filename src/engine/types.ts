import type { MemberStateName } from "../system/types.ts";

/** dRPC status and body of an engine's answer, or the reason there is none, is thrown as a Fault. */
export interface EngineCaller {
  /**
   * One dRPC call. `method` is a number of the `drpc_mgmt_method` rows of codes-2.6.tsv (module 2).
   * @throws Fault 611 (data plane not started) when the engine is not ready for calls, or went away under this
   * one; CallNotSentFault (faults.ts) is the 611 of a call that it cannot have seen.
   */
  callDrpc(
    method: number,
    body: Uint8Array,
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<Uint8Array>;
}

/** What the rest of the server may know of one engine instance (engine/instance.ts makes it). */
export interface EngineInstance extends EngineCaller {
  readonly index: number;
  /** The engine's state as this server sees it. */
  state(): MemberStateName;
  /** Why, for people. */
  stateInfo(): string;
  /** undefined until the superblock holds a rank. */
  rank(): number | undefined;
  uuid(): string | undefined;
  incarnation(): bigint;
  /** The process runs and has said NotifyReady. */
  isReady(): boolean;
  isStarted(): boolean;
}

/** All instances of this server. */
export interface EngineHarness extends EngineCaller {
  readonly instances: readonly EngineInstance[];
  isStarted(): boolean;
}
