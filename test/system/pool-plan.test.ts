import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatBytes, formatIecBytes } from "../../src/faults/bytes.ts";
import { isValidLabel, parseUuid } from "../../src/system/labels.ts";
import { poolRanks, poolTierBytes } from "../../src/system/pool-plan.ts";
import { member, stateWith } from "./samples.ts";

const state = stateWith([
  ...Array.from({ length: 12 }, (_, rank) => member(rank)),
  member(12, { state: "Excluded" }),
  member(13, { state: "Stopped" }),
  member(14, { state: "Ready" }),
]);
const request = { ranks: [], numranks: 0, numsvcreps: 0 };

describe("the ranks of a pool", () => {
  test("are all available ones when nothing is asked for", () => {
    expect(poolRanks(state, request)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14]);
  });

  test("are those asked for, sorted, each once", () => {
    expect(poolRanks(state, { ...request, ranks: [4, 2, 4, 14] })).toEqual([2, 4, 14]);
  });

  test("may not be unavailable or unknown ones: fault 606", () => {
    expect(() => poolRanks(state, { ...request, ranks: [1, 12, 99, 13] })).toThrow(
      'code = 606 description = "pool request contains invalid ranks: 12,13,99"',
    );
  });

  test("may not be more than there are: fault 607", () => {
    expect(() => poolRanks(state, { ...request, numranks: 14 })).toThrow("(requested: 14, available: 13)");
  });

  test("chosen by number are distinct, available and sorted", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 13 }),
        fc.infiniteStream(fc.noShrink(fc.double({ min: 0, max: 0.999, noNaN: true }))),
        (numranks, numbers) => {
          const ranks = poolRanks(state, { ...request, numranks }, () => numbers.next().value ?? 0);
          expect(ranks).toHaveLength(numranks);
          expect([...new Set(ranks)].sort((a, b) => a - b)).toEqual(ranks);
          expect(poolRanks(state, { ...request, ranks })).toEqual(ranks);
        },
      ),
    );
  });

  test("bound the service replicas, nine at most: fault 608", () => {
    expect(poolRanks(state, { ...request, numsvcreps: 9 })).toHaveLength(13);
    expect(() => poolRanks(state, { ...request, numsvcreps: 10 })).toThrow("between 1 and 9");
    expect(() => poolRanks(state, { ...request, ranks: [1, 2], numsvcreps: 3 })).toThrow("between 1 and 2");
  });

  test("cannot be none", () => {
    expect(() => poolRanks(stateWith([]), request)).toThrow("zero target ranks");
  });
});

describe("the sizes of a pool", () => {
  const facts = { targetCount: 8, hasNvme: true, hasMetaRole: false };
  const size = { tierbytes: [], totalbytes: 0n, tierratio: [], metaBlobSize: 0n };
  const gib = 1n << 30n;

  test("are taken as given, a rank's", () => {
    expect(poolTierBytes({ ...size, tierbytes: [gib, 8n * gib] }, facts, 4)).toEqual([gib, 8n * gib]);
  });

  test("of all the pool are shared out by ratio and rank", () => {
    const asked = { ...size, totalbytes: 1000n * gib, tierratio: [0.06, 0.94] };
    expect(poolTierBytes(asked, facts, 4)).toEqual([15n * gib, 235n * gib]);
  });

  test("are all SCM where there is no NVMe and none was asked for by size", () => {
    const asked = { ...size, totalbytes: 8n * gib, tierratio: [0.06, 0.94] };
    expect(poolTierBytes(asked, { ...facts, hasNvme: false }, 4)).toEqual([2n * gib, 0n]);
  });

  test("may not ask for NVMe where there is none", () => {
    const asked = { ...size, tierbytes: [gib, 8n * gib] };
    expect(() => poolTierBytes(asked, { ...facts, hasNvme: false }, 1)).toThrow(
      "8.6 GB NVMe requested for pool but config has zero bdevs",
    );
  });

  test("below 16 MiB of SCM a target are fault 604, with the least size as advice", () => {
    const asked = { ...size, tierbytes: [127n << 20n, 0n] };
    expect(() => poolTierBytes(asked, facts, 2)).toThrow(
      'code = 604 description = "requested SCM capacity is too small (min 16 MiB per target)"',
    );
    try {
      poolTierBytes(asked, facts, 2);
    } catch (error) {
      expect(error).toMatchObject({
        resolution: "retry the request with a pool size of at least 270 MB, with at least 270 MB SCM",
      });
    }
    expect(poolTierBytes({ ...size, tierbytes: [128n << 20n, 0n] }, facts, 2)).toEqual([128n << 20n, 0n]);
  });

  test("below 1 GiB of NVMe a target are fault 605, but none at all is well", () => {
    expect(() => poolTierBytes({ ...size, tierbytes: [gib, 7n * gib] }, facts, 2)).toThrow(
      'code = 605 description = "requested NVMe capacity too small (min 1.0 GiB per target)"',
    );
  });

  test("of metadata need a device for it", () => {
    const asked = { ...size, tierbytes: [gib, 0n], metaBlobSize: gib };
    expect(() => poolTierBytes(asked, facts, 1)).toThrow("md-on-ssd is not enabled");
    expect(poolTierBytes(asked, { ...facts, hasMetaRole: true }, 1)).toEqual([gib, 0n]);
  });

  test.each([
    [{ ...size }],
    [{ ...size, tierbytes: [gib] }],
    [{ ...size, tierbytes: [gib, gib], totalbytes: gib }],
    [{ ...size, tierbytes: [gib, gib], tierratio: [1, 0] }],
    [{ ...size, totalbytes: gib, tierratio: [1] }],
  ])("that contradict each other are refused", (asked) => {
    expect(() => poolTierBytes(asked, facts, 1)).toThrow("unexpected pool create params in request");
  });
});

describe("words", () => {
  test.each([
    [0n, "0 B", "0 B"],
    [9n, "9 B", "9 B"],
    [10n, "10 B", "10 B"],
    [1023n, "1.0 kB", "1023 B"],
    [1n << 20n, "1.0 MB", "1.0 MiB"],
    [16n << 20n, "17 MB", "16 MiB"],
    [1n << 30n, "1.1 GB", "1.0 GiB"],
  ])("%p bytes are %s or %s", (bytes, decimal, binary) => {
    expect(formatBytes(bytes)).toBe(decimal);
    expect(formatIecBytes(bytes)).toBe(binary);
  });

  test("labels have letters, digits and . _ : - and are no UUID", () => {
    for (const label of ["tank", "A.b_c:d-9", "x".repeat(127)]) expect(isValidLabel(label)).toBe(true);
    const uuid = "82e2668d-ff97-4e47-8290-5608add82c10";
    for (const label of ["", "a b", "ä", "x".repeat(128), uuid]) expect(isValidLabel(label)).toBe(false);
    expect(parseUuid(uuid.toUpperCase())).toBe(uuid);
    expect(parseUuid("82e2668d")).toBeUndefined();
  });
});
