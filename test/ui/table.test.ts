import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { banner, formatEntity, formatTable, indentLines } from "../../src/ui/table.ts";

describe("a table", () => {
  test("has titles, dashes and padded columns, as text/tabwriter makes them", () => {
    expect(
      formatTable(
        ["Rank", "State"],
        [
          { Rank: "[0-2]", State: "Joined" },
          { Rank: "7", State: "Down" },
        ],
      ),
    ).toBe("Rank  State  \n----  -----  \n[0-2] Joined \n7     Down   \n");
  });

  test("says None where a row has nothing", () => {
    expect(formatTable(["A"], [{}])).toContain("None");
  });

  test("is cut to the width it is given, and only then", () => {
    const rows = [{ A: "x".repeat(100) }];
    expect(formatTable(["A"], rows, { width: 40 }).split("\n")[2]).toHaveLength(40);
    expect(formatTable(["A"], rows)).toContain("x".repeat(100));
  });

  test("for a terminal has no line that fills more than it holds, nor spaces at an end", () => {
    const cell = fc.string({ unit: fc.constantFrom(..."abc é"), maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(fc.record({ A: cell, B: cell }), { maxLength: 10 }),
        fc.integer({ min: 30, max: 90 }),
        fc.constantFrom(0, 4, 8),
        (rows, width, margin) => {
          for (const line of formatTable(["A", "B"], rows, { width, margin }).split("\n")) {
            expect([...line].length).toBeLessThanOrEqual(width - margin);
            expect(line).toBe(line.trimEnd());
          }
        },
      ),
    );
  });

  test("has lines of the same width", () => {
    const cell = fc.string({ unit: fc.constantFrom(..."abc é"), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.record({ A: cell, B: cell }), { maxLength: 10 }), (rows) => {
        const widths = formatTable(["A", "B"], rows)
          .split("\n")
          .slice(0, -1)
          .map((line) => [...line].length);
        expect(new Set(widths).size).toBe(1);
      }),
    );
  });
});

test("one thing's details stand under a title with dashes", () => {
  expect(
    formatEntity("Pool", [
      ["UUID", "x"],
      ["Size (GB)", "y"],
    ]),
  ).toBe("Pool\n----\n  UUID     : x\n  Size (GB): y\n");
});

test("a banner is as wide as its title", () => {
  expect(banner("host[1-2]")).toBe("---------\nhost[1-2]\n---------\n");
});

test("empty lines are not indented", () => {
  expect(indentLines("a\n\nb\n", 4)).toBe("    a\n\n    b\n");
});
