import { describe, expect, test } from "bun:test";
import { attributeChanges, visibleAttributes } from "../../src/system/attributes.ts";
import { applyChanges } from "../../src/system/draft.ts";
import { poolPropertyOf, propertyChanges, visibleProperties } from "../../src/system/properties.ts";
import { emptyState } from "../../src/system/state.ts";

const facts = { version: "2.6.0", systemName: "daos_server" };

describe("system properties", () => {
  test("have values from the start", () => {
    expect(visibleProperties(emptyState(), [], facts)).toEqual({
      daos_system: "daos_server",
      daos_version: "2.6.0",
      pool_scrub_mode: "off",
      pool_scrub_thresh: "0",
    });
  });

  test("keep what was set, in their own words", () => {
    const state = applyChanges(
      emptyState(),
      propertyChanges({ pool_scrub_mode: "LAZY", pool_scrub_thresh: "5%" }),
    );
    expect(visibleProperties(state, ["pool_scrub_mode", "pool_scrub_thresh"], facts)).toMatchObject({
      pool_scrub_mode: "lazy",
      pool_scrub_thresh: "5",
    });
  });

  test.each([
    [{ nothing: "1" }, 'unknown property "nothing"'],
    [{ daos_version: "3" }, "computed property values may not be set"],
    [{ pool_scrub_mode: "often" }, 'invalid value for property "pool_scrub_mode"'],
    [{ pool_scrub_thresh: "x" }, "invalid Scrubbing Threshold value"],
  ])("%p is refused", (properties, why) => {
    expect(() => propertyChanges(properties as Record<string, string>)).toThrow(why);
  });

  test("that are pool properties have their numbers", () => {
    expect(poolPropertyOf("pool_scrub_mode", "timed")).toEqual({ number: 16, value: 2n });
    expect(poolPropertyOf("pool_scrub_thresh", "7")).toEqual({ number: 18, value: 7n });
    expect(poolPropertyOf("daos_version", "2.6.0")).toBeUndefined();
  });

  test("an unknown one asked for is named", () => {
    expect(() => visibleProperties(emptyState(), ["nothing"], facts)).toThrow('unknown property "nothing"');
  });
});

describe("system attributes", () => {
  test("are set, seen and removed by an empty value; reserved ones stay hidden", () => {
    let state = applyChanges(emptyState(), attributeChanges({ a: "1", b: "2" }));
    state = applyChanges(state, propertyChanges({ pool_scrub_mode: "lazy" }));
    expect(visibleAttributes(state, [])).toEqual({ a: "1", b: "2" });
    expect(visibleAttributes(state, ["b"])).toEqual({ b: "2" });
    expect(visibleAttributes(state, ["prop.pool_scrub_mode"])).toEqual({});
    state = applyChanges(state, attributeChanges({ a: "" }));
    expect(visibleAttributes(state, [])).toEqual({ b: "2" });
    expect(() => visibleAttributes(state, ["a"])).toThrow('unable to find system attribute with key "a"');
  });

  test.each(["prop.x", "mgmt.x"])("the reserved key %p cannot be set", (key) => {
    expect(() => attributeChanges({ [key]: "1" })).toThrow(`cannot set reserved key "${key}"`);
  });
});
