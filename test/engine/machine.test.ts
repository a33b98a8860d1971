import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type InstanceEffect,
  type InstanceEvent,
  type InstanceState,
  initialState,
  isRunning,
  memberState,
  reduce,
} from "../../src/engine/machine.ts";

/** An event whose life is filled in with that of the moment. */
type Script =
  | InstanceEvent
  | { [K in InstanceEvent["kind"]]: { kind: K } & Record<string, unknown> }[InstanceEvent["kind"]];

const outcomes = new Set([
  "checked",
  "checkFailed",
  "launched",
  "launchFailed",
  "joined",
  "joinedChecker",
  "joinFailed",
  "setUp",
  "setUpFailed",
  "exited",
]);

function run(events: readonly Script[], from: InstanceState = initialState) {
  let state = from;
  const effects: InstanceEffect[] = [];
  for (const event of events) {
    const filled = outcomes.has(event.kind) && !("life" in event) ? { ...event, life: state.life } : event;
    const step = reduce(state, filled as InstanceEvent);
    state = step.state;
    effects.push(...step.effects);
  }
  return { state, effects, kinds: effects.map((effect) => effect.kind) };
}

const start = { kind: "start" } as const;
const formatted: Script = { kind: "checked", needs: undefined };
const launched: Script = { kind: "launched", pid: 42 };
const upTo = {
  starting: [start, formatted, launched] as Script[],
  joining: [start, formatted, launched, { kind: "notifyReady" }] as Script[],
  settingUp: [start, formatted, launched, { kind: "notifyReady" }, { kind: "joined" }] as Script[],
  ready: [
    start,
    formatted,
    launched,
    { kind: "notifyReady" },
    { kind: "joined" },
    { kind: "setUp" },
  ] as Script[],
};

test("a formatted engine goes all the way to ready, one effect after another", () => {
  const { state, kinds } = run(upTo.ready);
  expect(state).toMatchObject({ phase: "ready", pid: 42, lastError: "" });
  expect(kinds).toEqual(["check", "launch", "join", "setUp", "announceReady"]);
});

test("storage without a format is announced, and a format lets the start go on", () => {
  const waiting = run([start, { kind: "checked", needs: "SCM" }]);
  expect(memberState(waiting.state)).toBe("AwaitFormat");
  expect(waiting.effects.at(-1)).toEqual({ kind: "announceFormat", needs: "SCM" });
  const going = run([{ kind: "storageReady", ranked: false }], waiting.state);
  expect(going.kinds).toEqual(["announceStorageReady", "check"]);
});

test("a format of storage that is in use changes nothing", () => {
  expect(run([{ kind: "storageReady", ranked: true }], run(upTo.ready).state).effects).toEqual([]);
});

test("a format does not wake an engine that an administrator has stopped", () => {
  const stopped = run([...upTo.ready, { kind: "stop", signal: "SIGINT" }, { kind: "exited", status: "x" }]);
  expect(run([{ kind: "storageReady", ranked: true }], stopped.state).state.phase).toBe("stopped");
});

test("a format wakes an engine whose first start failed: nothing else could", () => {
  const failed = run([start, formatted, { kind: "launchFailed", error: "no memory" }]);
  expect(failed.state).toMatchObject({ phase: "stopped", lastError: "no memory" });
  expect(run([{ kind: "storageReady", ranked: false }], failed.state).kinds).toContain("check");
});

describe("an exit", () => {
  test.each(Object.entries(upTo))("while %s is an error that is published", (_, events) => {
    const { state, effects } = run([...events, { kind: "exited", status: "signal: killed" }]);
    expect(memberState(state)).toBe("Errored");
    expect(state.lastError).toBe("signal: killed");
    expect(effects.at(-1)).toEqual({ kind: "reportExit", pid: 42, status: "signal: killed", publish: true });
  });

  test("that was asked for is neither", () => {
    const { state, effects } = run([
      ...upTo.ready,
      { kind: "stop", signal: "SIGINT" },
      { kind: "exited", status: "process exited with 0" },
    ]);
    expect(memberState(state)).toBe("Stopped");
    expect(effects.at(-1)).toMatchObject({ kind: "reportExit", publish: false });
  });

  test("is not followed by a restart: an administrator decides that (2.6)", () => {
    expect(run([...upTo.ready, { kind: "exited", status: "x" }]).state.phase).toBe("stopped");
  });

  test("of an earlier life is not one of this life", () => {
    const { state } = run([...upTo.ready, { kind: "exited", status: "x" }, ...upTo.ready]);
    expect(run([{ kind: "exited", status: "late", life: 1 }], state).state.phase).toBe("ready");
  });
});

describe("a stop", () => {
  test("signals the process and waits for its exit", () => {
    const { state, effects } = run([...upTo.ready, { kind: "stop", signal: "SIGINT" }]);
    expect(memberState(state)).toBe("Stopping");
    expect(effects.at(-1)).toEqual({ kind: "signal", signal: "SIGINT" });
  });

  test("can be made harder", () => {
    const events: Script[] = [
      ...upTo.ready,
      { kind: "stop", signal: "SIGINT" },
      { kind: "stop", signal: "SIGKILL" },
    ];
    expect(run(events).effects.at(-1)).toEqual({ kind: "signal", signal: "SIGKILL" });
  });

  test("with a restart begins again once the process is gone", () => {
    const { state, kinds } = run([
      ...upTo.ready,
      { kind: "stop", signal: "SIGKILL", restart: true },
      { kind: "exited", status: "signal: killed" },
    ]);
    expect(state.phase).toBe("checking");
    expect(kinds.slice(-2)).toEqual(["reportExit", "check"]);
  });

  test("followed by a start while the process still runs starts it afterwards", () => {
    const { state } = run([
      ...upTo.ready,
      { kind: "stop", signal: "SIGINT" },
      start,
      { kind: "exited", status: "x" },
    ]);
    expect(state.phase).toBe("checking");
  });

  test("of what does not run does nothing", () => {
    expect(run([{ kind: "stop", signal: "SIGINT" }]).effects).toEqual([]);
  });
});

describe("a start that cannot go on", () => {
  test.each([
    ["the join is refused", [...upTo.joining, { kind: "joinFailed", error: "rank 3 excluded" }]],
    ["the engine refuses its set-up", [...upTo.settingUp, { kind: "setUpFailed", error: "rank 3 excluded" }]],
  ])("because %s ends the process and keeps the reason", (_, events) => {
    const ending = run(events as Script[]);
    expect(ending.effects.at(-1)).toEqual({ kind: "signal", signal: "SIGKILL" });
    const { state } = run([{ kind: "exited", status: "signal: killed" }], ending.state);
    expect(state).toMatchObject({ phase: "stopped", lastError: "rank 3 excluded" });
  });

  test("because the system is being checked begins again in checker mode", () => {
    const { state } = run([...upTo.joining, { kind: "joinedChecker" }, { kind: "exited", status: "x" }]);
    expect(state).toMatchObject({ phase: "checking", checker: true });
  });
});

test("a shutdown starts nothing again", () => {
  const { state } = run([
    ...upTo.ready,
    { kind: "stop", signal: "SIGINT", restart: true },
    { kind: "shutdown" },
    { kind: "exited", status: "x" },
  ]);
  expect(state.phase).toBe("stopped");
});

const anyEvent: fc.Arbitrary<Script> = fc.oneof(
  fc.record({ kind: fc.constant("start" as const), checker: fc.boolean() }),
  fc.record({ kind: fc.constant("storageReady" as const), ranked: fc.boolean() }),
  fc.record({
    kind: fc.constant("stop" as const),
    signal: fc.constant("SIGINT" as const),
    restart: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("checked" as const), needs: fc.constantFrom("SCM", "Metadata", undefined) }),
  fc.constantFrom<Script[]>(
    { kind: "checkFailed", error: "e" },
    { kind: "launched", pid: 1 },
    { kind: "launchFailed", error: "e" },
    { kind: "notifyReady" },
    { kind: "joined" },
    { kind: "joinedChecker" },
    { kind: "joinFailed", error: "e" },
    { kind: "setUp" },
    { kind: "setUpFailed", error: "e" },
    { kind: "exited", status: "s" },
    { kind: "shutdown" },
  ),
);

test("whatever happens: a process is either reported gone or still known, and lives only rise", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
      let state = initialState;
      let alive = false;
      for (const event of events) {
        const filled = outcomes.has(event.kind) ? { ...event, life: state.life } : event;
        const wasLaunching = state.phase === "launching";
        const step = reduce(state, filled as InstanceEvent);
        if (event.kind === "launched" && wasLaunching) alive = true;
        const reported = step.effects.some(
          (effect) => effect.kind === "reportExit" && effect.pid !== undefined,
        );
        if (reported) alive = false;
        expect(step.state.life).toBeGreaterThanOrEqual(state.life);
        expect(isRunning(step.state)).toBe(alive);
        expect(step.state.pid !== undefined).toBe(alive);
        state = step.state;
      }
    }),
    { numRuns: 500 },
  );
});
