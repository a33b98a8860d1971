import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import path from "node:path";
import { type Fault, faults } from "./faults.ts";
import { type Driver, runSeed, startDriver } from "./run.ts";
import { bringUp, type ClusterSite, createClusterSite } from "./site.ts";

/** Runs of `npm test`; `npm run test:cluster` makes 200 and more. */
const seeds = [0, 1, 2, 3, 6, 10];

function needsRoot(): void {
  if (process.getuid?.() !== 0) throw new Error("these tests make network namespaces: run them as root");
}

/** A leader that is paused for as long as it takes to be succeeded, and wakes up before its lease is over. */
const nap: Fault = {
  name: "a nap",
  async run(_site, _random, leader) {
    leader.signal("SIGSTOP");
    await Bun.sleep(1_500);
    leader.signal("SIGCONT");
    await Bun.sleep(300);
  },
};

describe("three replicas on five servers", () => {
  let site: ClusterSite;
  let driver: Driver;
  beforeAll(async () => {
    needsRoot();
    site = await createClusterSite({ servers: 5, replicas: 3 });
    driver = startDriver(site);
    await bringUp(site);
  }, 120_000);
  afterAll(async () => {
    await driver?.close();
    await site?.close();
  }, 60_000);

  for (const seed of seeds) {
    test(`seed ${seed}: ${faults[seed % faults.length]!.name} loses nothing and doubles nothing`, async () => {
      const result = await runSeed(site, driver, seed);
      expect(result.problems).toEqual([]);
      expect(result.calls).toBeGreaterThan(10);
    }, 120_000);
  }

  test("a paused leader that wakes up before its lease is over changes nothing", async () => {
    for (const seed of [100, 101]) {
      // Few enough that their calls in doubt can be decided, whatever order they took effect in.
      const result = await runSeed(site, driver, seed, { fault: nap, clients: 15, paceMs: 30 });
      expect(result.problems).toEqual([]);
    }
  }, 120_000);
});

describe("without the fence", () => {
  test("the checker finds what a paused leader does", async () => {
    needsRoot();
    const root = path.resolve(import.meta.dirname, "..", "..");
    const program = [
      process.execPath,
      "--preload",
      path.join(import.meta.dirname, "plant.ts"),
      path.join(root, "src", "main.ts"),
    ];
    const site = await createClusterSite({ servers: 3, replicas: 3, program });
    const driver = startDriver(site);
    const found: string[] = [];
    try {
      await bringUp(site);
      for (let seed = 100; seed < 115 && found.length === 0; seed++) {
        const { problems } = await runSeed(site, driver, seed, { fault: nap, clients: 40, paceMs: 20 });
        // A history too tangled to decide is no find.
        found.push(...problems.filter((problem) => !problem.includes("too many calls at once")));
      }
    } finally {
      await driver.close();
      await site.close();
    }
    expect(found.length).toBeGreaterThan(0);
  }, 240_000);
});
