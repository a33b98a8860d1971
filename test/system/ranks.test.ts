import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatRanks, maxRank, parseRanks } from "../../src/system/ranks.ts";

describe("rank sets", () => {
  test.each([
    ["", []],
    ["[]", []],
    ["0", [0]],
    ["0-3,7", [0, 1, 2, 3, 7]],
    ["[0-3,7]", [0, 1, 2, 3, 7]],
    ["7,1,3-4,3", [1, 3, 4, 7]],
    [`${maxRank}`, [maxRank]],
  ])("%p names %p", (text, ranks) => {
    expect(parseRanks(text)).toEqual(ranks);
  });

  test.each([
    ["0 ,1", "unexpected whitespace character(s)"],
    ["0-a", "unexpected alphabetic character(s)"],
    ["3-1", "ends before it begins"],
    ["1,,2", "is not a rank"],
    ["-1", "is not a rank"],
    ["1-2-3", "is not a rank"],
    ["4294967295", "out of range"],
    ["0-4000000", "more than"],
  ])("%p is refused: %s", (text, why) => {
    expect(() => parseRanks(text)).toThrow(`creating rank set from '${text}'`);
    expect(() => parseRanks(text)).toThrow(why);
  });

  test("are read back as written, for any ranks", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 300 })), (ranks) => {
        const sorted = [...ranks].sort((a, b) => a - b);
        expect(parseRanks(formatRanks(ranks))).toEqual(sorted);
      }),
    );
  });

  test("are written in the shortest form: no two ranges touch", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 50 })), (ranks) => {
        const ends = formatRanks(ranks)
          .split(",")
          .filter((part) => part !== "")
          .map((part) => part.split("-").map(Number));
        for (const [index, range] of ends.entries()) {
          const before = ends[index - 1];
          if (before !== undefined) expect(range[0]! - before.at(-1)!).toBeGreaterThan(1);
        }
      }),
    );
  });

  test("any text is read or refused with an error, never anything else", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789,-[] ax") }), (text) => {
        try {
          expect(formatRanks(parseRanks(text))).toBeString();
        } catch (error) {
          expect((error as Error).message).toStartWith("creating rank set from");
        }
      }),
    );
  });
});
