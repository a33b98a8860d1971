import { describe, expect, test } from "bun:test";
import { Fault } from "../../src/faults/fault.ts";
import { planPrepare } from "../../src/storage/pmem/plan.ts";
import { describeAction, preparePmem, resetPmem } from "../../src/storage/pmem/run.ts";
import { pmemState } from "../../src/storage/pmem/state.ts";
import { resetRebootText } from "../../src/storage/pmem/words.ts";
import { GIB, PmemModel } from "./pmem-model.ts";

const ONE = { namespacesPerSocket: 1 };

async function codeOf(promise: Promise<unknown>): Promise<number> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  throw new Error("nothing was thrown");
}

async function prepared(perSocket = 1): Promise<PmemModel> {
  const model = new PmemModel();
  await preparePmem(model, { namespacesPerSocket: perSocket });
  model.boot();
  await preparePmem(model, { namespacesPerSocket: perSocket });
  return model;
}

describe("states of PMem", () => {
  const region = (more: object) => ({
    socketId: 0,
    type: "AppDirect",
    health: "Healthy",
    capacityBytes: 100n,
    freeBytes: 100n,
    isetId: "1",
    ...more,
  });
  const cases: [string, number, ReturnType<typeof region>[], object][] = [
    ["no modules", 0, [], { state: "NoModules" }],
    ["modules without regions", 6, [], { state: "NoRegions" }],
    ["all free", 6, [region({})], { state: "FreeCapacity", socketId: 0 }],
    ["nothing free", 6, [region({ freeBytes: 0n })], { state: "NoFreeCapacity", socketId: 0 }],
    ["some free", 6, [region({ freeBytes: 1n })], { state: "PartialFreeCapacity", socketId: 0 }],
    [
      "not interleaved",
      6,
      [region({ type: "AppDirectNotInterleaved" })],
      { state: "NotInterleaved", socketId: 0 },
    ],
    ["broken", 6, [region({ health: "Error" })], { state: "NotHealthy", socketId: 0 }],
    ["volatile", 6, [region({ type: "Volatile" })], { state: "UnknownMode", socketId: 0 }],
    [
      "one used, one free",
      6,
      [region({ freeBytes: 0n }), region({ socketId: 1 })],
      { state: "FreeCapacity" },
    ],
    [
      "both used",
      6,
      [region({ freeBytes: 0n }), region({ socketId: 1, freeBytes: 0n })],
      { state: "NoFreeCapacity" },
    ],
    [
      "the second broken",
      6,
      [region({}), region({ socketId: 1, health: "Error" })],
      { state: "NotHealthy", socketId: 1 },
    ],
    [
      "locked modules count as usable",
      6,
      [region({ health: "Locked" })],
      { state: "FreeCapacity", socketId: 0 },
    ],
  ];
  for (const [name, modules, regions, expected] of cases) {
    test(name, () => expect(pmemState(modules, regions)).toEqual(expected as never));
  }
});

describe("scm prepare", () => {
  test("without modules does nothing", async () => {
    const model = new PmemModel([0], GIB, 0);
    expect(await preparePmem(model, ONE)).toMatchObject({
      state: { state: "NoModules" },
      rebootRequired: false,
    });
    expect(model.performed).toEqual([]);
  });

  test("sets a goal and asks for a reboot, then makes one namespace a socket", async () => {
    const model = new PmemModel();
    expect(await preparePmem(model, ONE)).toMatchObject({
      state: { state: "NoRegions" },
      rebootRequired: true,
    });
    expect(model.performed).toEqual(["delete-goals", "create-goal"]);
    model.boot();
    const outcome = await preparePmem(model, ONE);
    expect(outcome).toMatchObject({ state: { state: "NoFreeCapacity" }, rebootRequired: false });
    expect(outcome.namespaces.map((one) => [one.name, one.blockDevice, one.sizeBytes])).toEqual([
      ["namespace0.0", "pmem0", 512n * GIB],
      ["namespace1.0", "pmem1", 512n * GIB],
    ]);
  });

  test("before the reboot asks again and changes nothing else", async () => {
    const model = new PmemModel();
    await preparePmem(model, ONE);
    expect(await preparePmem(model, ONE)).toMatchObject({ rebootRequired: true });
    expect([...model.goals]).toEqual([0, 1]);
  });

  test("on what is prepared already only takes back goals", async () => {
    const model = await prepared();
    model.performed.length = 0;
    expect(await preparePmem(model, ONE)).toMatchObject({ state: { state: "NoFreeCapacity" } });
    expect(model.performed).toEqual(["delete-goals"]);
  });

  test("makes as many namespaces as asked for", async () => {
    const model = await prepared(4);
    expect((await model.observe()).namespaces).toHaveLength(8);
  });

  for (const bad of [0, 5, 1.5]) {
    test(`${bad} namespaces a socket are refused`, async () => {
      expect(await codeOf(preparePmem(new PmemModel(), { namespacesPerSocket: bad }))).toBe(200);
    });
  }

  test("of one socket leaves the other alone", async () => {
    const model = new PmemModel();
    await preparePmem(model, { ...ONE, socketId: 1 });
    expect([...model.goals]).toEqual([1]);
    model.boot();
    const { namespaces } = await preparePmem(model, { ...ONE, socketId: 1 });
    expect(namespaces.map((one) => one.name)).toEqual(["namespace1.0"]);
  });

  test("finishes a socket that was left out before, without touching the other's namespaces", async () => {
    const model = new PmemModel();
    await preparePmem(model, ONE);
    model.boot();
    await preparePmem(model, { ...ONE, socketId: 0 });
    const { namespaces } = await preparePmem(model, ONE);
    expect(namespaces.map((one) => one.name)).toEqual(["namespace0.0", "namespace1.0"]);
  });

  const faulty: [string, Partial<PmemModel["regions"][number]>, string][] = [
    ["not interleaved", { type: "AppDirectNotInterleaved" }, "non-interleaved"],
    ["unhealthy", { health: "Error" }, "unhealthy"],
    ["of another mode", { type: "Volatile" }, "unsupported persistent memory type"],
    [
      "partly used by somebody",
      { namespaces: [{ name: "namespace1.0", sizeBytes: 3n * GIB }] },
      "partial capacity",
    ],
  ];
  for (const [name, change, words] of faulty) {
    test(`a region that is ${name} is fault 212 naming its socket`, async () => {
      const model = new PmemModel();
      await preparePmem(model, ONE);
      model.boot();
      Object.assign(model.regions[1]!, change);
      const failure = await preparePmem(model, ONE).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 212 });
      expect(String(failure)).toContain("socket 1");
      expect(String(failure)).toContain(words);
    });
  }

  test("two regions on a socket are fault 213", async () => {
    const model = new PmemModel();
    model.goals.add(0);
    model.boot();
    model.regions.push({ ...model.regions[0]!, namespaces: [] });
    expect(await codeOf(preparePmem(model, ONE))).toBe(213);
  });

  test("another number of namespaces than asked for is fault 213", async () => {
    const model = await prepared(2);
    expect(await codeOf(preparePmem(model, ONE))).toBe(213);
  });

  test("a region that the kernel does not show is fault 213", () => {
    const observation = {
      moduleCount: 6,
      regions: [
        {
          socketId: 0,
          type: "AppDirect",
          health: "Healthy",
          capacityBytes: GIB,
          freeBytes: GIB,
          isetId: "7",
        },
      ],
      kernelRegions: [],
      namespaces: [],
    };
    expect(() => planPrepare(observation, ONE)).toThrow("the kernel has no region");
  });

  test("sizes that do not divide into 2 MiB are refused", async () => {
    const model = new PmemModel([0], GIB + 4096n, 6);
    model.goals.add(0);
    model.boot();
    expect(await codeOf(preparePmem(model, ONE))).toBe(200);
  });

  test("killed at any action and run again, it ends the same", async () => {
    const whole = await prepared(4);
    const expected = (await whole.observe()).namespaces;
    for (let dieAfter = 0; dieAfter < whole.performed.length + 2; dieAfter += 1) {
      const model = new PmemModel();
      model.dieAfter = dieAfter;
      let reached = false;
      for (let attempt = 0; attempt < 6 && !reached; attempt += 1) {
        try {
          const outcome = await preparePmem(model, { namespacesPerSocket: 4 });
          if (outcome.rebootRequired) model.boot();
          else reached = true;
        } catch (error) {
          if (!(error instanceof Error) || error.message !== "killed") throw error;
          model.dieAfter = undefined;
        }
      }
      expect((await model.observe()).namespaces).toEqual(expected);
    }
  });
});

describe("scm reset", () => {
  test("unmounts, removes namespaces and sets a fresh goal", async () => {
    const model = await prepared();
    model.mounted.add("/dev/pmem0");
    model.performed.length = 0;
    expect(await resetPmem(model, {})).toMatchObject({
      state: { state: "NoFreeCapacity" },
      rebootRequired: true,
    });
    expect(model.performed).toEqual([
      "delete-goals",
      "unmount",
      "unmount",
      "destroy-namespace",
      "destroy-namespace",
      "create-goal",
    ]);
    expect(model.mounted.size).toBe(0);
    expect((await model.observe()).namespaces).toEqual([]);
  });

  test("without regions is done at once", async () => {
    const model = new PmemModel();
    expect(await resetPmem(model, {})).toMatchObject({
      state: { state: "NoRegions" },
      rebootRequired: false,
    });
    expect(model.performed).toEqual(["delete-goals"]);
  });

  test("of one socket leaves the other's namespaces", async () => {
    const model = await prepared();
    await resetPmem(model, { socketId: 0 });
    expect((await model.observe()).namespaces.map((one) => one.name)).toEqual(["namespace1.0"]);
    expect([...model.goals]).toEqual([0]);
  });

  test("goes on where prepare gives up", async () => {
    const model = await prepared();
    model.regions[0]!.health = "Error";
    expect(await resetPmem(model, {})).toMatchObject({
      state: { state: "NotHealthy", socketId: 0 },
      rebootRequired: true,
    });
  });

  test("killed at any action and run again, nothing is left", async () => {
    for (let dieAfter = 0; dieAfter < 6; dieAfter += 1) {
      const model = await prepared(2);
      model.dieAfter = dieAfter;
      await resetPmem(model, {}).catch((error: unknown) => {
        if (!(error instanceof Error) || error.message !== "killed") throw error;
      });
      model.dieAfter = undefined;
      const outcome = await resetPmem(model, {});
      expect(outcome.rebootRequired).toBe(true);
      model.boot();
      expect(await preparePmem(model, ONE)).toMatchObject({ state: { state: "NoFreeCapacity" } });
    }
  });

  test("says what the reboot will do, by the state it came from", () => {
    expect(resetRebootText("NotInterleaved")).toStartWith(
      "Non-interleaved regions will be removed on reboot. ",
    );
    expect(resetRebootText("FreeCapacity")).toStartWith("Interleaved regions will be removed on reboot. ");
    expect(resetRebootText("UnknownMode")).toContain("(some with an unexpected state)");
    expect(() => resetRebootText("NoModules")).toThrow(Fault);
  });
});

test("every action can be said in words", () => {
  expect(describeAction({ do: "create-goal", socketId: 1 })).toContain("socket 1");
  expect(describeAction({ do: "destroy-namespace", name: "namespace0.0" })).toBe("destroy namespace0.0");
});
