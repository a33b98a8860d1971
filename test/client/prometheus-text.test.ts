import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parsePrometheusText } from "../../src/client/prometheus-text.ts";

const sample = `# HELP engine_started_at when it "started" \\\\ or \\n so
# TYPE engine_started_at gauge
engine_started_at{rank="0"} 1.795602162e+09
engine_started_at{rank="1",pool="a\\"b,c}"} 3 1700000000000

# TYPE gc summary
gc{quantile="0.5"} 7
gc{quantile="1"} 9
gc_sum 16
gc_count 2
# TYPE lat histogram
lat_bucket{le="1",op="r"} 3
lat_bucket{le="+Inf",op="r"} 5
lat_sum{op="r"} 12.5
lat_count{op="r"} 5
lat_bucket{le="+Inf",op="w"} 1
# a remark
plain 42
`;

describe("the text format of Prometheus", () => {
  const families = parsePrometheusText(sample);

  test("gives families by name, sorted", () => {
    expect([...families.keys()]).toEqual(["engine_started_at", "gc", "lat", "plain"]);
    expect(families.get("plain")!.type).toBe("untyped");
  });

  test("gives descriptions and labels with what was escaped in them", () => {
    const family = families.get("engine_started_at")!;
    expect(family.description).toBe('when it "started" \\ or \n so');
    expect(family.simple[0]!.value).toBe(1795602162);
    expect(Object.fromEntries(family.simple[1]!.labels)).toEqual({ rank: "1", pool: 'a"b,c}' });
  });

  test("puts the samples of a summary together", () => {
    const [metric] = families.get("gc")!.observed;
    expect([...metric!.bounds]).toEqual([
      [0.5, 7],
      [1, 9],
    ]);
    expect(metric).toMatchObject({ sampleCount: 2, sampleSum: 16 });
  });

  test("puts the samples of a histogram together, by their other labels", () => {
    const [read, write] = families.get("lat")!.observed;
    expect([...read!.bounds]).toEqual([
      [1, 3],
      [Number.POSITIVE_INFINITY, 5],
    ]);
    expect(read!.sampleSum).toBe(12.5);
    expect([...write!.labels]).toEqual([["op", "w"]]);
  });

  test.each(["{} 1", "name", "name{a=} 1", 'name{a="x" 1', "name xyz"])("%p names its line", (line) => {
    expect(() => parsePrometheusText(`ok 1\n${line}\n`)).toThrow("line 2");
  });

  test("never hangs or fails otherwise on any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab{}="\\ 1,\n#_'), maxLength: 60 }), (text) => {
        try {
          parsePrometheusText(text);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});
