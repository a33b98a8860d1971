import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatDurationMs,
  isNullWord,
  parseBool,
  parseDurationMs,
  parseInteger,
} from "../../src/config/scalars.ts";

describe("a plain scalar means what 2.6's YAML 1.1 reader takes it for", () => {
  for (const word of ["y", "Yes", "TRUE", "on", "true"])
    test(`${word} is true`, () => expect(parseBool(word)).toBe(true));
  for (const word of ["n", "No", "FALSE", "off", "false"])
    test(`${word} is false`, () => expect(parseBool(word)).toBe(false));
  test("tRuE is no truth value", () => expect(parseBool("tRuE")).toBeUndefined());
  for (const word of ["", "~", "null", "NULL"])
    test(`"${word}" is nothing`, () => expect(isNullWord(word)).toBe(true));

  const integers: [string, bigint | undefined][] = [
    ["0", 0n],
    ["10001", 10001n],
    ["-5", -5n],
    ["+7", 7n],
    ["0x13", 19n],
    ["-0x10", -16n],
    ["0b101", 5n],
    ["0755", 493n],
    ["0o17", 15n],
    ["1_000", 1000n],
    ["1e3", 1000n],
    ["09", 9n],
    ["8.0", 8n],
    ["1.5", undefined],
    ["0x", undefined],
    ["ten", undefined],
    ["", undefined],
    ["1 000", undefined],
  ];
  for (const [text, value] of integers) {
    test(`${JSON.stringify(text)} as a number is ${value}`, () => expect(parseInteger(text)).toBe(value));
  }

  const durations: [string, number | undefined][] = [
    ["1m", 60_000],
    ["1h15m30s", 4_530_000],
    ["1.5s", 1500],
    [".5s", 500],
    ["250ms", 250],
    ["0", 0],
    ["5000000", 5],
    ["-2s", -2000],
    ["1 m", undefined],
    ["5min", undefined],
    ["m", undefined],
    ["", undefined],
  ];
  for (const [text, value] of durations) {
    test(`${JSON.stringify(text)} lasts ${value} ms`, () => expect(parseDurationMs(text)).toBe(value));
  }

  test("every decimal number is read back", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n }), (n) => parseInteger(`${n}`) === n),
    );
  });
  test("every duration of whole milliseconds is read back", () => {
    fc.assert(fc.property(fc.nat(), (ms) => parseDurationMs(formatDurationMs(ms)) === ms));
  });
  test("no text makes the readers throw", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseInteger(text);
        parseDurationMs(text);
        parseBool(text);
      }),
    );
  });
});
