import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { metricName } from "../../../src/helper/telemetry/names.ts";
import { readMetrics } from "../../../src/helper/telemetry/read.ts";
import { prometheusText } from "../../../src/helper/telemetry/text.ts";

const folder = join(import.meta.dirname, "../../reference/telemetry-2.6");
const ROOT = 0x10242048;

/** Segments that libgurt of 2.6.0 wrote, by key. */
async function recorded(): Promise<Map<number, Uint8Array>> {
  const keys = [ROOT, 0xdf490294];
  const read = async (key: number) => {
    const packed = await Bun.file(join(folder, `segment-${key.toString(16)}.gz`)).bytes();
    return [key, Bun.gunzipSync(packed)] as const;
  };
  return new Map(await Promise.all(keys.map(read)));
}

/** Go writes large numbers with an exponent; what is meant is the same. */
function samples(text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ ([\d.e+]+)$/, (_, number) => ` ${Number(number)}`));
}

test("metrics that 2.6's library wrote are exported as 2.6 exports them, line by line", async () => {
  const segments = await recorded();
  const metrics = readMetrics(ROOT, (key) => segments.get(key)) ?? [];
  const exported = await Bun.file(join(folder, "exported.txt")).text();
  expect(samples(prometheusText([{ rank: 3, metrics }]))).toEqual(samples(exported));
});

test("a pool whose segment is gone takes nothing else with it", async () => {
  const segments = await recorded();
  segments.delete(0xdf490294);
  const paths = readMetrics(ROOT, (key) => segments.get(key))?.map((metric) => metric.path);
  expect(paths?.some((path) => path.includes("pool"))).toBe(false);
  expect(paths).toContain("ID: 0/io/ops/fetch/tgt_1");
});

test("no segment is told from one without metrics", async () => {
  expect(readMetrics(ROOT, () => undefined)).toBeUndefined();
  expect(readMetrics(ROOT, () => new Uint8Array(3))).toBeUndefined();
  expect(readMetrics(ROOT, () => new Uint8Array(4096))).toBeUndefined();
});

describe("a segment that is broken anywhere", () => {
  test("gives what can be read, and never fails or runs on", async () => {
    const segments = await recorded();
    const whole = segments.get(ROOT) as Uint8Array;
    const used = whole.length - Number(new DataView(whole.buffer).getBigUint64(24, true));
    const words = fc.array(fc.tuple(fc.nat(used >> 3), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), {
      maxLength: 8,
    });
    // Words that are pointers to somewhere else in the segment, which a torn tree is made of.
    const base = new DataView(whole.buffer).getBigUint64(0, true);
    const pointers = fc.array(
      fc.tuple(
        fc.nat(used >> 3),
        fc.nat(used).map((at) => base + BigInt(at)),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(words, pointers, fc.nat(whole.length), (random, torn, length) => {
        const broken = whole.slice();
        const view = new DataView(broken.buffer);
        for (const [at, value] of [...random, ...torn]) view.setBigUint64(at * 8, value, true);
        const cut = broken.subarray(0, length);
        const metrics = readMetrics(ROOT, (key) => (key === ROOT ? cut : undefined)) ?? [];
        expect(metrics.length).toBeLessThan(1_000);
        prometheusText([{ rank: 0, metrics }]);
      }),
      { numRuns: 300 },
    );
  });
});

describe("names", () => {
  test.each([
    ["ID: 0/rank", "rank", {}],
    ["ID: 0/pool/11/ops/fetch/tgt_1", "pool_ops_fetch", { pool: "11", target: "1" }],
    ["ID: 0/pool/11/started_at", "pool_started_at", { pool: "11" }],
    ["ID: 0/io/latency/update/4KB/tgt_0", "io_latency_update", { size: "4KB", target: "0" }],
    ["ID: 0/io/dtx/committed/tgt_3", "io_dtx_committed", { target: "3" }],
    ["ID: 0/net/ofi+tcp/hg/bulks/ctx_1", "net_hg_bulks", { provider: "ofi+tcp", context: "1" }],
    ["ID: 0/net/uri/lookup_self/xs_2", "net_uri_lookup_self", { xstream: "2" }],
    ["ID: 0/nvme/0000:81:00.0/temp/current", "nvme_temp_current", { device: "0000:81:00.0" }],
    ["ID: 0/a-b/c.d", "a_b_c_d", {}],
    ["ID: 0/pool", "pool", {}],
  ] as const)("%s", (path, name, labels) => {
    expect(metricName(path)).toEqual({ name, labels });
  });
});

test("two engines share a family, one help line, each with its rank", () => {
  const metric = {
    path: "ID: 0/up",
    kind: "gauge",
    value: 1n,
    stats: undefined,
    description: "Is it",
  } as const;
  expect(
    prometheusText([
      { rank: 1, metrics: [metric] },
      { rank: 0, metrics: [metric] },
    ]),
  ).toBe(`# HELP engine_up Is it
# TYPE engine_up gauge
engine_up{rank="0"} 1
engine_up{rank="1"} 1
`);
});

test("a description cannot break the text", () => {
  const metric = {
    path: 'ID: 0/nvme/a"\\\n/x',
    kind: "gauge",
    value: 1n,
    stats: undefined,
    description: "a\nb\\",
  } as const;
  expect(prometheusText([{ rank: 0, metrics: [metric] }])).toBe(
    '# HELP engine_nvme_x a\\nb\\\\\n# TYPE engine_nvme_x gauge\nengine_nvme_x{device="a\\"\\\\\\n",rank="0"} 1\n',
  );
});
