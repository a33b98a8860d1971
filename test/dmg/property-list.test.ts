import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseDuration } from "../../src/commands/dmg/arguments.ts";
import { maxKeyLength, parseKeys, parseSettings, unquote } from "../../src/commands/dmg/property-list.ts";

describe("a list of settings", () => {
  test.each<[string, Record<string, string>]>([
    ["a:b", { a: "b" }],
    ["a:b,c:d", { a: "b", c: "d" }],
    ["a: b , c :d", { a: "b", c: "d" }],
    ["a:b:c", { a: "b:c" }],
    [`a:"b,c",d:'e:f'`, { a: '"b,c"', d: "'e:f'" }],
    [`c:"'f,g'",d:'"h,i"',"e,f":g`, { c: `"'f,g'"`, d: `'"h,i"'`, '"e,f"': "g" }],
    ["a:b\\,c,d:e", { a: "b\\,c", d: "e" }],
    ["b\\:c:d", { "b\\:c": "d" }],
    [",a:b,,", { a: "b" }],
  ])("%p is read", (text, settings) => {
    expect(Object.fromEntries(parseSettings(text))).toEqual(settings);
  });

  test.each([
    ["", "empty property"],
    ["a", 'invalid property "a" (must be key:val)'],
    ["a:", 'invalid property "a:"'],
    [" :v", "key must not be empty"],
    ["k: ", "value must not be empty"],
    [`${"x".repeat(maxKeyLength + 1)}:v`, "key too long (512 > 511)"],
  ])("%p is refused", (text, problem) => {
    expect(() => parseSettings(text)).toThrow(problem);
  });

  test("takes old names for new ones, and no others than those allowed", () => {
    const rules = { allowed: ["new", "other"], aliases: new Map([["old", "new"]]) };
    expect([...parseSettings("old:1", rules)]).toEqual([["new", "1"]]);
    expect(() => parseSettings("newt:1", rules)).toThrow(
      '"newt" is not a settable property (valid: new,other); did you mean "new"?',
    );
  });

  test("gives back any simple names and values", () => {
    const word = fc.string({ unit: fc.constantFrom(..."abcXYZ019_.-/@#$%=+"), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(word, word), { selector: ([key]) => key, minLength: 1 }),
        (pairs) => {
          const text = pairs.map(([key, value]) => `${key}:${value}`).join(",");
          expect([...parseSettings(text)]).toEqual(pairs);
        },
      ),
    );
  });

  test("never fails otherwise than with an Error", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."a:,\\\"' "), maxLength: 20 }), (text) => {
        for (const parse of [parseSettings, parseKeys]) {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        }
      }),
    );
  });
});

describe("a list of keys", () => {
  test("is sorted, each key once", () => {
    expect(parseKeys("b,a , b")).toEqual(["a", "b"]);
  });

  test.each([
    ["", "key must not be empty"],
    ["a:b", "\"a:b\": key cannot contain ':'"],
  ])("%p is refused", (text, problem) => {
    expect(() => parseKeys(text)).toThrow(problem);
  });
});

test("quotes around a whole value are taken away", () => {
  expect(unquote('"a,b"')).toBe("a,b");
  expect(unquote("'a'")).toBe("a");
  expect(unquote("a\\,b")).toBe("a,b");
  expect(unquote("plain")).toBe("plain");
});

test.each([
  ["30s", 30_000],
  ["5m", 300_000],
  ["1.5h", 5_400_000],
  ["250ms", 250],
  ["7", 7000],
])("a duration %p is %p ms", (text, durationMs) => {
  expect(parseDuration(text)).toBe(durationMs);
});

test.each(["", "x", "-1s", "0", "5d"])("%p is no duration", (text) => {
  expect(() => parseDuration(text)).toThrow("invalid duration");
});
