import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatBusRange,
  formatPciAddress,
  looksLikePciAddress,
  parseBusRange,
  parsePciAddress,
} from "../../src/config/pci.ts";
import { canonicalBdevList } from "../../src/config/tier.ts";
import { isFault } from "../../src/faults/fault.ts";

describe("PCI addresses", () => {
  test("are read and written in canonical form", () => {
    expect(formatPciAddress(parsePciAddress("0000:8A:0f.1")!)).toBe("0000:8a:0f.1");
    expect(formatPciAddress(parsePciAddress("5d0505:01:00.0")!)).toBe("5d0505:01:00.0");
  });
  for (const text of ["0000:8g:00.0", "0000:81:00", "81:00.0", "0000:81:00.0.1", "", "/dev/sda"]) {
    test(`"${text}" is none`, () => expect(parsePciAddress(text)).toBeUndefined());
  }
  test("a device path does not look like one, a misspelt address does", () => {
    expect(looksLikePciAddress("/dev/sda")).toBe(false);
    expect(looksLikePciAddress("0000:8g:00.0")).toBe(true);
  });
  test("every canonical address is read back", () => {
    const address = fc.record({
      domain: fc.oneof(fc.nat(0xffff), fc.integer({ min: 0x10000, max: 0xffffff })),
      bus: fc.nat(0xff),
      device: fc.nat(0xff),
      function: fc.nat(0xf),
    });
    fc.assert(fc.property(address, (a) => Bun.deepEquals(parsePciAddress(formatPciAddress(a)), a)));
  });
});

describe("bus ranges", () => {
  for (const text of ["0x80-0x8f", "128-143", "0x80-0x8F"]) {
    test(`"${text}" is 0x80-0x8f`, () => {
      const range = parseBusRange(text);
      expect(typeof range === "object" && formatBusRange(range)).toBe("0x80-0x8f");
    });
  }
  test("an empty one means all buses", () => expect(parseBusRange("")).toBeUndefined());
  for (const text of ["0x8g-0x8f", "128-143-0", "143-0", "143:0", "00-5d", "0x000-0x5dd", "5"]) {
    test(`"${text}" is refused`, () => expect(parseBusRange(text)).toBeString());
  }
});

describe("bdev_list", () => {
  const refused: [string, string[], RegExp][] = [
    ["a PCI address twice", ["0000:81:00.0", "0000:81:00.0"], /twice/],
    ["an address twice in different spelling", ["0000:8A:00.0", "0000:8a:00.0"], /twice/],
    ["a path twice", ["/dev/sda", "/dev/sda"], /twice/],
    ["a malformed address", ["0000:8g:00.0"], /not a PCI address/],
    ["addresses and paths", ["/dev/sda", "0000:81:00.0"], /mix/],
  ];
  for (const [what, list, message] of refused) {
    test(`refuses ${what}`, () => {
      try {
        canonicalBdevList(list);
        expect.unreachable();
      } catch (error) {
        expect(isFault(error, 701)).toBe(true);
        expect((error as Error).message).toMatch(message);
      }
    });
  }
  test("is sorted by address", () => {
    expect(canonicalBdevList(["0000:81:00.0", "0000:0a:00.0"])).toEqual(["0000:0a:00.0", "0000:81:00.0"]);
  });
});
