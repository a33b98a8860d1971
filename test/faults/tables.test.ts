import { describe, expect, test } from "bun:test";
import { FaultCode } from "../../src/faults/codes.ts";
import { daosStatusError, daosStatusName, daosStatusText } from "../../src/faults/daos-status.ts";
import { DaosStatusError } from "../../src/faults/system.ts";

const text = await Bun.file(new URL("../reference/codes-2.6.tsv", import.meta.url)).text();
const rows = text
  .trim()
  .split("\n")
  .map((line) => line.split("\t"));
const rowsOf = (table: string) => rows.filter((row) => row[0] === table);

describe("fault numbers", () => {
  test("are those of 2.6, all of them and no others", () => {
    const expected = Object.fromEntries(rowsOf("fault").map(([, code, name]) => [name!, Number(code)]));
    expect<Record<string, number>>({ ...FaultCode }).toEqual(expected);
  });
});

describe("DAOS statuses", () => {
  test("have the names of 2.6, all of them", () => {
    const table = rowsOf("status");
    expect(table.length).toBeGreaterThan(90);
    for (const [, number, name] of table) expect(daosStatusName(Number(number))).toBe(name!);
  });

  test("each known one has a description of its own", () => {
    for (const [, number] of rowsOf("status")) {
      expect(daosStatusText(Number(number))).toMatch(/^DER_\w+\(-?\d+\): \S/);
      expect(daosStatusText(Number(number))).not.toContain("Unknown error code");
    }
  });

  test("are printed as 2.6 prints them", () => {
    expect(daosStatusText(-1007)).toBe("DER_NOSPACE(-1007): No space on storage target");
    expect(daosStatusText(0)).toBe("DER_SUCCESS(0): Success");
    expect(daosStatusText(-501000)).toBe("DER_UNKNOWN(-501000): Unknown error");
    expect(daosStatusText(-42)).toBe("DER_UNKNOWN(-42): Unknown error code -42");
  });

  test("become errors that keep the number", () => {
    expect(daosStatusError(-2026)).toBeInstanceOf(DaosStatusError);
    expect(daosStatusError(-2026).status).toBe(-2026);
  });
});
