import { expect, test } from "bun:test";
import { mixedSoak } from "../soak/mixed.ts";
import { randomFrom } from "../support/random.ts";

/** The same for five minutes: `bun test/soak/mixed.ts 300`. */
const SECONDS = 15;

test("mixed operations while engines are killed lose nothing and do nothing twice", async () => {
  const seed = Date.now() % 1_000_000;
  const report = await mixedSoak(SECONDS, randomFrom(seed));
  expect(report.violations, `seed ${seed}`).toEqual([]);
  expect(report.created).toBeGreaterThan(0);
  expect(report.kills).toBeGreaterThan(0);
}, 150_000);
