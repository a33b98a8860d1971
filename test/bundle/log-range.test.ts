import { describe, expect, test } from "bun:test";
import { judgeLine, parseLogRange } from "../../src/bundle/log-range.ts";

const words = { startDate: "11-20-2026", endDate: "11-22-2026", startTime: "", endTime: "" };

describe("the range of a log", () => {
  test("runs from the first day's beginning to the last day's end", () => {
    expect(parseLogRange(words)).toEqual({ from: "20261120000000", to: "20261122235959" });
  });

  test("is cut to the times given", () => {
    expect(parseLogRange({ ...words, startTime: "1:2:3", endTime: "23:4:5" })).toEqual({
      from: "20261120010203",
      to: "20261122230405",
    });
  });

  test("is the whole log without dates", () => {
    expect(parseLogRange({ startDate: "", endDate: "", startTime: "1:2:3", endTime: "" })).toBeUndefined();
  });

  test.each([
    [{ ...words, startDate: "" }, "please provide the startDate in MM-DD-YYYY format"],
    [{ ...words, endDate: "2-30-2026" }, "please provide the endDate in MM-DD-YYYY format"],
    [{ ...words, endDate: "11-19-2026" }, "start-date can not be after end-date"],
    [{ ...words, startTime: "24:00:00" }, "Invalid log-start-time"],
    [{ ...words, endTime: "noon" }, "Invalid log-end-time"],
  ])("%j is refused as 2.6 refuses it", (bad, complaint) => {
    expect(() => parseLogRange(bad)).toThrow(complaint);
  });
});

describe("a line of a log", () => {
  const range = parseLogRange(words)!;

  test.each([
    ["DEBUG 2026/11/19 23:59:59.000 x", "out"],
    ["vm INFO 2026/11/20 00:00:00 x", "in"],
    ['{"time":"2026-11-22T23:59:59.1+01:00"}', "in"],
    ["vm INFO 2026/11/23 00:00:00 x", "out"],
    ["11/21-10:00:00.12 vm DAOS[1/0/0] x", "in"],
    ["11/23-10:00:00.12 vm DAOS[1/0/0] x", "out"],
  ])("%p is %p", (line, judged) => {
    expect(judgeLine(line, range)).toBe(judged as "in" | "out");
  });

  test("without a time belongs to the one before", () => {
    expect(judgeLine("  at somewhere", range)).toBeUndefined();
  });

  test("of an engine, which writes no year, is found across a new year", () => {
    const across = parseLogRange({ ...words, startDate: "12-30-2026", endDate: "1-2-2027" })!;
    expect(judgeLine("12/31-10:00:00.12 x", across)).toBe("in");
    expect(judgeLine("01/01-10:00:00.12 x", across)).toBe("in");
    expect(judgeLine("06/01-10:00:00.12 x", across)).toBe("out");
  });
});
