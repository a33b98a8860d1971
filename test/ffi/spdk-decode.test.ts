import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  decodeErrorLog,
  decodeFirmwareSlots,
  decodeHealth,
  decodeIdentity,
  decodeIntelSmart,
  decodeIntelTemperature,
  healthProblems,
  statusText,
} from "../../src/ffi/spdk/decode.ts";
import { chooseMemory } from "../../src/ffi/spdk/memory.ts";

/** Bytes at offsets, the rest zero. */
function page(size: number, parts: Readonly<Record<number, readonly number[] | string>>): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const [at, part] of Object.entries(parts)) {
    bytes.set(typeof part === "string" ? Buffer.from(part, "latin1") : part, Number(at));
  }
  return bytes;
}

describe("identify data", () => {
  const data = page(4096, {
    0: [0x4d, 0x14],
    4: "S64GNE0R900123      ",
    24: `SAMSUNG MZQL23T8HCLS-00A07${" ".repeat(14)}`,
    64: "GDC5602Q",
    80: [0, 4, 1, 0],
    256: [0x5f, 0],
    262: [63],
    266: [0x57, 0x01],
    268: [0x5d, 0x01],
    280: [0, 0, 0xd8, 0xa8, 0x7d, 0x03],
    516: [32],
    524: [1],
    768: "nqn.1994-11.com.samsung:nvme:PM9A3:2.5-inch:S64GNE0R900123\0garbage",
  });
  test("says who the controller is and what it can do", () => {
    expect(decodeIdentity(data)).toEqual({
      vendorId: 0x144d,
      serial: "S64GNE0R900123",
      model: "SAMSUNG MZQL23T8HCLS-00A07",
      firmware: "GDC5602Q",
      nvmeVersion: "1.4.0",
      totalBytes: 0x037d_a8d8_0000n,
      warningKelvin: 343,
      criticalKelvin: 349,
      maxNamespaces: 32,
      errorLogEntries: 64,
      subsystem: "nqn.1994-11.com.samsung:nvme:PM9A3:2.5-inch:S64GNE0R900123",
      can: { format: true, firmware: true, manageNamespaces: true },
      formatsAllNamespaces: true,
    });
  });
  test("is read whatever a broken controller sends", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4096, maxLength: 4096 }), (bytes) => {
        expect(decodeIdentity(bytes).errorLogEntries).toBeGreaterThan(0);
      }),
      { numRuns: 20 },
    );
  });
});

describe("the health page", () => {
  const health = decodeHealth(
    page(512, {
      0: [0x00, 0x3b, 0x01, 98, 10, 4],
      32: [1, 0, 0, 0, 0, 0, 0, 0, 1],
      48: [0xff, 0xff],
      64: [2],
      80: [3],
      96: [4],
      112: [5],
      128: [0x39, 0x30],
      144: [6],
      160: [7],
      176: [8],
      192: [9, 0, 0, 0, 10],
      200: [0x3b, 0x01, 0, 0, 0x45, 0x01],
    }),
  );
  test("is decoded field by field", () => {
    expect(health).toEqual({
      kelvin: 315,
      spareBelowThreshold: false,
      temperatureWarning: false,
      reliabilityDegraded: false,
      readOnly: false,
      volatileBackupFailed: false,
      persistentMemoryReadOnly: false,
      sparePercent: 98,
      spareThresholdPercent: 10,
      usedPercent: 4,
      unitsRead: (1n << 64n) + 1n,
      unitsWritten: 65535n,
      readCommands: 2n,
      writeCommands: 3n,
      busyMinutes: 4n,
      powerCycles: 5n,
      powerOnHours: 12345n,
      unsafeShutdowns: 6n,
      mediaErrors: 7n,
      errorLogEntries: 8n,
      warningMinutes: 9,
      criticalMinutes: 10,
      sensorsKelvin: [315, 325],
    });
    expect(healthProblems(health)).toEqual([]);
  });
  const warnings: [number, string][] = [
    [0, "spare capacity 0% is below 0%"],
    [1, "temperature 70 °C is out of range"],
    [2, "reliability is degraded"],
    [3, "read-only"],
    [4, "backup of volatile memory failed"],
    [5, "persistent memory region is read-only"],
  ];
  for (const [bit, words] of warnings) {
    test(`warning bit ${bit} is said as "${words}"`, () => {
      const problems = healthProblems(decodeHealth(page(512, { 0: [1 << bit, 0x57, 0x01] })));
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain(words);
    });
  }
  test("a drive beyond its rated life has a problem without a warning", () => {
    expect(healthProblems(decodeHealth(page(512, { 5: [104] })))).toEqual(["104% of its rated life is used"]);
  });
});

describe("other log pages", () => {
  test("error entries that are in use, with NVMe status", () => {
    const entry = { 0: [3], 8: [1, 0, 0x2a, 0, 0x03, 0x05], 16: [0, 0x10], 24: [1] };
    expect(decodeErrorLog(page(192, entry))).toEqual([
      { count: 3n, queue: 1, command: 42, statusType: 2, statusCode: 0x81, lba: 0x1000n, namespace: 1 },
    ]);
    expect(decodeErrorLog(page(256, {}))).toEqual([]);
  });
  test("firmware slots", () => {
    expect(decodeFirmwareSlots(page(512, { 0: [0x21], 8: "VDV10170VDV10184" }))).toEqual({
      activeSlot: 1,
      nextSlot: 2,
      revisions: ["VDV10170", "VDV10184", "", "", "", "", ""],
    });
  });
  test("Intel's attributes, in whatever order", () => {
    const attribute = (code: number, normalized: number, ...raw: number[]) => {
      const six = [...raw, 0, 0, 0, 0, 0, 0].slice(0, 6);
      return [code, 0, 0, normalized, 0, ...six, 0];
    };
    const bytes = [
      attribute(0xea, 100, 5, 2, 1),
      attribute(0xab, 99, 1),
      attribute(0xad, 97, 1, 0, 9, 0, 5, 0),
      attribute(0xf5, 0, 0, 0, 0, 0, 0, 1),
      attribute(0x77, 1, 1),
    ].flat();
    expect(decodeIntelSmart(page(156, { 0: bytes }))).toEqual({
      throttleStatus: 5,
      throttleEvents: 0x102n,
      programFailNormalized: 99,
      programFailCount: 1n,
      wearNormalized: 97,
      wearMin: 1,
      wearMax: 9,
      wearAverage: 5,
      hostUnitsWritten: 1n << 40n,
    });
  });
  test("Intel's temperatures may be below zero", () => {
    const minus5 = [0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    expect(decodeIntelTemperature(page(112, { 0: [38], 16: [1], 24: [70], 32: minus5, 80: [75] }))).toEqual({
      currentCelsius: 38,
      highestCelsius: 70,
      lowestCelsius: -5,
      maxOperatingCelsius: 75,
      overheatedNow: false,
      overheatedEver: true,
    });
  });
  test("a status is said in words", () => {
    expect(statusText(2, 0x81)).toBe("media error 0x81 (unrecovered read error)");
    expect(statusText(7, 0xfe)).toBe("status type 7 0xfe");
  });
});

describe("memory for SPDK", () => {
  const MIB = 1024 * 1024;
  const facts = { freeHugeBytes: 1024 * MIB, drivers: ["vfio-pci"], iommu: true, iommuAddressBits: 48 };
  test("huge pages and virtual addresses on vfio", () => {
    expect(chooseMemory(facts)).toMatchObject({ hugePages: true, iovaMode: "va", memoryMib: undefined });
  });
  test("physical addresses on uio, though there is an IOMMU", () => {
    expect(chooseMemory({ ...facts, drivers: ["uio_pci_generic"] })).toMatchObject({ iovaMode: "pa" });
  });
  test("physical addresses when the IOMMU is narrow", () => {
    expect(chooseMemory({ ...facts, iommuAddressBits: 39 })).toMatchObject({
      hugePages: true,
      iovaMode: "pa",
    });
  });
  test("vfio works without huge pages", () => {
    expect(chooseMemory({ ...facts, freeHugeBytes: 0 })).toEqual({
      hugePages: false,
      iovaMode: "va",
      dpdkArguments: "--no-telemetry --no-huge --legacy-mem",
      memoryMib: 64,
    });
  });
  test("a few huge pages are none, since SPDK hangs with them", () => {
    expect(chooseMemory({ ...facts, freeHugeBytes: 2 * MIB })).toMatchObject({ hugePages: false });
  });
  test("uio without huge pages is refused with the reason", () => {
    expect(chooseMemory({ ...facts, freeHugeBytes: 2 * MIB, drivers: ["uio_pci_generic"] })).toBe(
      "2 MiB of huge pages are free, 64 MiB are needed because devices on a UIO driver need it",
    );
    expect(chooseMemory({ ...facts, freeHugeBytes: 0, iommu: false })).toContain("there is no IOMMU");
    expect(chooseMemory({ ...facts, freeHugeBytes: 0, iommuAddressBits: 39 })).toContain("39 bits only");
  });
  test("without devices anything does", () => {
    expect(
      chooseMemory({ freeHugeBytes: 0, drivers: [], iommu: false, iommuAddressBits: undefined }),
    ).toMatchObject({
      hugePages: false,
    });
  });
});
