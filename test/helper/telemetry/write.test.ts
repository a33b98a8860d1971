import { expect, test } from "bun:test";
import { subregions } from "../../../src/helper/telemetry/leftovers.ts";
import { readMetrics } from "../../../src/helper/telemetry/read.ts";
import { createMetricTree } from "../../../src/helper/telemetry/write.ts";

const KEY = 0x10242048;

test("what is written is what is read", () => {
  const bytes = new Uint8Array(4096);
  const tree = createMetricTree(bytes, 0x7f00_1234_5000n, KEY, "ID: 0");
  const rank = tree.add("rank", "gauge", "Rank ID of this engine", "");
  const dead = tree.add("events/dead_ranks", "counter", "Dead", "events");
  tree.add("events/last_event_ts", "timestamp", "Last", "")(5n);
  rank(7n);
  dead(2n ** 63n);
  const found = readMetrics(KEY, () => bytes) ?? [];
  expect(found.map(({ path, kind, value, description }) => [path, kind, value, description])).toEqual([
    ["ID: 0/rank", "gauge", 7n, "Rank ID of this engine"],
    ["ID: 0/events/dead_ranks", "counter", 2n ** 63n, "Dead"],
    ["ID: 0/events/last_event_ts", "timestamp", 5n, "Last"],
  ]);
  expect(subregions(bytes)).toEqual([]);
});

test("a segment that is full says so, and keeps what it has", () => {
  const bytes = new Uint8Array(512);
  const tree = createMetricTree(bytes, 0x1000n, KEY, "ID: 0");
  tree.add("a", "gauge", "", "")(1n);
  expect(() => tree.add("b", "gauge", "x".repeat(400), "")).toThrow(RangeError);
  expect(readMetrics(KEY, () => bytes)?.[0]?.path).toBe("ID: 0/a");
});

test("the pools of an engine that is gone are found by its list", async () => {
  const file = new URL("../../reference/telemetry-2.6/segment-10242048.gz", import.meta.url);
  expect(subregions(Bun.gunzipSync(await Bun.file(file).bytes()))).toEqual([0xdf490294]);
});
