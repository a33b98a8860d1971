import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatPercentage, parseBytes } from "../../src/client/sizes.ts";
import { formatBytes, formatIecBytes } from "../../src/faults/bytes.ts";

describe("sizes", () => {
  test.each([
    [0n, "0 B"],
    [9n, "9 B"],
    [10n, "10 B"],
    [999n, "999 B"],
    [1000n, "1.0 kB"],
    [82854982n, "83 MB"],
    [1_000_000_000n, "1.0 GB"],
    [1000001536n, "1.0 GB"],
    [5368709120n, "5.4 GB"],
    [10n ** 15n, "1.0 PB"],
    [(1n << 64n) - 1n, "18 EB"],
  ])("%p is printed as %p", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test.each([
    [65536n, "64 KiB"],
    [82854982n, "79 MiB"],
    [1n << 40n, "1.0 TiB"],
  ])("%p is printed in IEC units as %p", (bytes, text) => {
    expect(formatIecBytes(bytes)).toBe(text);
  });

  test.each([
    ["1G", 1_000_000_000n],
    ["1GiB", 1n << 30n],
    ["1.5 TiB", 1649267441664n],
    ["42 MB", 42_000_000n],
    ["10,000", 10_000n],
    ["7", 7n],
    ["0.5k", 500n],
    ["18446744073709551615", (1n << 64n) - 1n],
  ])("%p means %p bytes", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each(["", "x", "1X", "1.2.3G", "18446744073709551616", "99E", "-1G", "."])("%p is no size", (text) => {
    expect(() => parseBytes(text)).toThrow();
  });

  test("whole numbers of bytes are read without loss", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (bytes) => {
        expect(parseBytes(`${bytes}`)).toBe(bytes);
        expect(parseBytes(`${bytes} B`)).toBe(bytes);
      }),
    );
  });

  test("what is printed is near what it was", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 10n, max: (1n << 63n) - 1n }), (bytes) => {
        const again = parseBytes(formatBytes(bytes));
        expect(Math.abs(Number(again - bytes)) / Number(bytes)).toBeLessThan(0.06);
      }),
    );
  });

  test("percentages are whole, and N/A of nothing", () => {
    expect(formatPercentage(1n, 3n)).toBe("33 %");
    expect(formatPercentage(0n, 3n)).toBe("0 %");
    expect(formatPercentage(0n, 0n)).toBe("N/A");
  });
});
