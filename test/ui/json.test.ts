import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { wrapError } from "../../src/faults/cause.ts";
import { DaosStatusError } from "../../src/faults/system.ts";
import { isTold, type Json, jsonDocument, jsonText, printJson } from "../../src/ui/json.ts";

describe("a JSON document", () => {
  test("has response, error and status, in the form Go indents", () => {
    expect(jsonDocument({ list: [1, { a: "b" }], empty: [], none: null, object: {} })).toBe(
      `{
  "response": {
    "list": [
      1,
      {
        "a": "b"
      }
    ],
    "empty": [],
    "none": null,
    "object": {}
  },
  "error": null,
  "status": 0
}`,
    );
  });

  test("tells an error with the status of all errors", () => {
    expect(JSON.parse(jsonDocument(null, new Error("x")))).toEqual({
      response: null,
      error: "x",
      status: -1025,
    });
  });

  test("tells a DAOS status with its own number, however it was wrapped", () => {
    const error = wrapError("pool create failed", new DaosStatusError(-1007, "DER_NOSPACE(-1007): No space"));
    expect(JSON.parse(jsonDocument(null, error))).toEqual({
      response: null,
      error: "pool create failed: DER_NOSPACE(-1007): No space",
      status: -1007,
    });
  });

  test("keeps 64-bit numbers whole", () => {
    expect(jsonText(18446744073709551615n)).toBe("18446744073709551615");
    expect(jsonText(-9223372036854775808n)).toBe("-9223372036854775808");
  });

  test("leaves out fields that are undefined", () => {
    expect(jsonText({ a: undefined, b: 1 })).toBe('{\n  "b": 1\n}');
  });

  test("keeps the order of a Map, numbers as names included", () => {
    expect(
      Object.keys(
        JSON.parse(
          jsonText(
            new Map([
              ["b", 1],
              ["a", 2],
            ]),
          ),
        ),
      ),
    ).toEqual(["b", "a"]);
    expect(
      jsonText(
        new Map([
          ["10", 1],
          ["9", 2],
        ]),
      ),
    ).toMatch(/"10".*"9"/s);
  });

  test.each([
    ["<a>&", '"\\u003ca\\u003e\\u0026"'],
    ["\u2028\u2029", '"\\u2028\\u2029"'],
    ["\b\f\n\r\t", '"\\u0008\\u000c\\n\\r\\t"'],
    ["\\b\\\\f", '"\\\\b\\\\\\\\f"'],
    ['\u0001é"', '"\\u0001é\\""'],
  ])("writes %p as Go does", (text, written) => {
    expect(jsonText(text)).toBe(written);
  });

  test("reads back as what it was", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        expect(JSON.parse(jsonText(value as Json))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("is told once for an error and what wraps it", () => {
    const log = console.log;
    console.log = () => {};
    try {
      const inner = new Error("x");
      printJson(null, inner);
      expect(isTold(wrapError("y", inner))).toBe(true);
      expect(isTold(new Error("x"))).toBe(false);
    } finally {
      console.log = log;
    }
  });
});
