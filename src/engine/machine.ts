import type { MemberStateName } from "../system/types.ts";

/**
 * The life of one engine instance as a pure state machine: `reduce` says what an event leads to, the driver
 * (instance.ts) does the effects and feeds their outcomes back. Every effect that can fail has two outcomes,
 * so no instance can be left waiting for nothing.
 *
 *   stopped -> checking -> launching -> starting -> joining -> settingUp -> ready
 *                 |  ^                     \__________\___________\_________/  |
 *            awaitFormat                              stopping  <--------------+
 */
export type Phase =
  | "stopped"
  /** Looking at the storage. */
  | "checking"
  /** Storage is not formatted; an administrator has to act. */
  | "awaitFormat"
  /** Getting the process to run. */
  | "launching"
  /** The process runs; NotifyReady has not come. */
  | "starting"
  /** Asking the management service for a rank. */
  | "joining"
  /** Telling the engine its rank (SetRank) and letting it start (SetUp). */
  | "settingUp"
  | "ready"
  /** Signalled; the process still runs. */
  | "stopping";

/** What a formatted storage still needs, in the words of the log. */
export type FormatKind = "SCM" | "Metadata";

export interface InstanceState {
  readonly phase: Phase;
  /** Rises with every start: outcomes of an earlier life are told from those of this one. */
  readonly life: number;
  readonly pid: number | undefined;
  /** Why it is not running, for people; "" when it was asked to stop, or never ran. */
  readonly lastError: string;
  /** Start again as soon as the process is gone. */
  readonly restart: boolean;
  /** The stop was asked for: its exit is no event for the management service. */
  readonly stopExpected: boolean;
  readonly checker: boolean;
}

export const initialState: InstanceState = {
  phase: "stopped",
  life: 0,
  pid: undefined,
  lastError: "",
  restart: false,
  stopExpected: false,
  checker: false,
};

export type InstanceEvent =
  | { readonly kind: "start"; readonly checker?: boolean }
  /** Storage was formatted (or found to be). `ranked`: it holds a rank already. */
  | { readonly kind: "storageReady"; readonly ranked: boolean }
  | { readonly kind: "stop"; readonly signal: NodeJS.Signals; readonly restart?: boolean }
  /** The server goes down: nothing is started any more. */
  | { readonly kind: "shutdown" }
  | { readonly kind: "checked"; readonly life: number; readonly needs: FormatKind | undefined }
  | { readonly kind: "checkFailed"; readonly life: number; readonly error: string }
  | { readonly kind: "launched"; readonly life: number; readonly pid: number }
  | { readonly kind: "launchFailed"; readonly life: number; readonly error: string }
  | { readonly kind: "notifyReady" }
  | { readonly kind: "joined"; readonly life: number }
  /** The engine runs outside checker mode and the system is being checked. */
  | { readonly kind: "joinedChecker"; readonly life: number }
  | { readonly kind: "joinFailed"; readonly life: number; readonly error: string }
  | { readonly kind: "setUp"; readonly life: number }
  | { readonly kind: "setUpFailed"; readonly life: number; readonly error: string }
  | { readonly kind: "exited"; readonly life: number; readonly status: string };

export type InstanceEffect =
  | { readonly kind: "check" }
  | { readonly kind: "announceFormat"; readonly needs: FormatKind }
  | { readonly kind: "announceStorageReady" }
  | { readonly kind: "launch" }
  | { readonly kind: "join" }
  | { readonly kind: "setUp" }
  | { readonly kind: "announceReady" }
  | { readonly kind: "signal"; readonly signal: NodeJS.Signals }
  /** Log the end of a life, tell the management service if `publish`, and clean up after it. */
  | {
      readonly kind: "reportExit";
      readonly pid: number | undefined;
      readonly status: string;
      readonly publish: boolean;
    };

export interface Step {
  readonly state: InstanceState;
  readonly effects: readonly InstanceEffect[];
}

const RUNNING: readonly Phase[] = ["starting", "joining", "settingUp", "ready", "stopping"];

/** A process exists. */
export function isRunning(state: InstanceState): boolean {
  return RUNNING.includes(state.phase);
}

/** The state a peer is told, which knows nothing of joining or setting up. */
export function memberState(state: InstanceState): MemberStateName {
  switch (state.phase) {
    case "ready":
      return "Ready";
    case "awaitFormat":
      return "AwaitFormat";
    case "stopping":
      return "Stopping";
    case "stopped":
      return state.lastError === "" ? "Stopped" : "Errored";
    default:
      return "Starting";
  }
}

const stay = (state: InstanceState): Step => ({ state, effects: [] });

function begin(state: InstanceState, checker: boolean): Step {
  return {
    state: { ...initialState, phase: "checking", life: state.life + 1, checker },
    effects: [{ kind: "check" }],
  };
}

/** Ends the process because it cannot go on; `error` is what people are told. */
function abort(state: InstanceState, error: string, restart = false): Step {
  return {
    state: { ...state, phase: "stopping", lastError: error, restart, stopExpected: false },
    effects: [{ kind: "signal", signal: "SIGKILL" }],
  };
}

/** It never got as far as a process. */
function failWithoutProcess(state: InstanceState, error: string): Step {
  return {
    state: { ...state, phase: "stopped", pid: undefined, lastError: error },
    effects: [{ kind: "reportExit", pid: undefined, status: error, publish: true }],
  };
}

function onExit(state: InstanceState, status: string): Step {
  const ended: InstanceState = {
    ...state,
    phase: "stopped",
    pid: undefined,
    lastError: state.stopExpected ? "" : state.lastError || status,
  };
  const report: InstanceEffect = { kind: "reportExit", pid: state.pid, status, publish: !state.stopExpected };
  if (!state.restart) return { state: { ...ended, restart: false }, effects: [report] };
  const again = begin(ended, state.checker);
  return { state: again.state, effects: [report, ...again.effects] };
}

/** What `event` leads to. Outcomes of an earlier life, and events that make no sense now, change nothing. */
export function reduce(state: InstanceState, event: InstanceEvent): Step {
  if ("life" in event && event.life !== state.life) return stay(state);
  switch (event.kind) {
    case "start":
      if (state.phase === "stopped") return begin(state, event.checker ?? false);
      if (isRunning(state) && state.phase === "stopping") {
        return stay({ ...state, restart: true, checker: event.checker ?? false });
      }
      return stay(state);

    case "storageReady":
      // An instance whose start failed before it had a rank can only be mended by another format.
      if (state.phase === "awaitFormat" || (state.phase === "stopped" && !event.ranked && state.life > 0)) {
        const step = begin(state, state.checker);
        return { state: step.state, effects: [{ kind: "announceStorageReady" }, ...step.effects] };
      }
      return stay(state);

    case "stop":
      if (!isRunning(state)) return stay(state);
      return {
        state: { ...state, phase: "stopping", stopExpected: true, restart: event.restart ?? false },
        effects: [{ kind: "signal", signal: event.signal }],
      };

    case "shutdown":
      if (isRunning(state)) {
        return stay({ ...state, restart: false, stopExpected: true });
      }
      return stay({ ...state, phase: "stopped", life: state.life + 1 });

    case "checked":
      if (state.phase !== "checking") return stay(state);
      return event.needs === undefined
        ? { state: { ...state, phase: "launching" }, effects: [{ kind: "launch" }] }
        : {
            state: { ...state, phase: "awaitFormat" },
            effects: [{ kind: "announceFormat", needs: event.needs }],
          };

    case "checkFailed":
      return state.phase === "checking" ? failWithoutProcess(state, event.error) : stay(state);

    case "launched":
      return state.phase === "launching"
        ? stay({ ...state, phase: "starting", pid: event.pid })
        : { state, effects: [{ kind: "signal", signal: "SIGKILL" }] };

    case "launchFailed":
      return state.phase === "launching" ? failWithoutProcess(state, event.error) : stay(state);

    case "notifyReady":
      return state.phase === "starting"
        ? { state: { ...state, phase: "joining" }, effects: [{ kind: "join" }] }
        : stay(state);

    case "joined":
      return state.phase === "joining"
        ? { state: { ...state, phase: "settingUp" }, effects: [{ kind: "setUp" }] }
        : stay(state);

    case "joinedChecker":
      return state.phase === "joining"
        ? abort({ ...state, checker: true }, "restarting to enable checker", true)
        : stay(state);

    case "joinFailed":
      return state.phase === "joining" ? abort(state, event.error) : stay(state);

    case "setUp":
      return state.phase === "settingUp"
        ? { state: { ...state, phase: "ready" }, effects: [{ kind: "announceReady" }] }
        : stay(state);

    case "setUpFailed":
      return state.phase === "settingUp" ? abort(state, event.error) : stay(state);

    case "exited":
      return isRunning(state) ? onExit(state, event.status) : stay(state);
  }
}
