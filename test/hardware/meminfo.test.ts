import { expect, test } from "bun:test";
import { parseMemInfo, readMemInfo } from "../../src/hardware/meminfo.ts";

const TEXT = `MemTotal:       24684092 kB
MemFree:        22640848 kB
MemAvailable:   23553952 kB
Buffers:           12345 kB
HugePages_Total:      64
HugePages_Free:        3
HugePages_Rsvd:        1
HugePages_Surp:        2
Hugepagesize:       2048 kB
DirectMap4k:      206720 kB
`;

test("every field that a scan shows is read, in the kernel's units", () => {
  expect(parseMemInfo(TEXT)).toEqual({
    hugepagesTotal: 64,
    hugepagesFree: 3,
    hugepagesReserved: 1,
    hugepagesSurplus: 2,
    hugepageSizeKib: 2048,
    memTotalKib: 24684092,
    memFreeKib: 22640848,
    memAvailableKib: 23553952,
  });
});

test("a field that is not there counts as zero", () => {
  expect(parseMemInfo("MemTotal: 8 kB\nnonsense\n: 3\n").memAvailableKib).toBe(0);
});

test("a size in a unit other than kB is refused rather than misread", () => {
  expect(() => parseMemInfo("MemTotal: 8 MB\n")).toThrow('unhandled size unit "MB"');
});

test("this host's own figures make sense", async () => {
  const memory = await readMemInfo();
  expect(memory.memTotalKib).toBeGreaterThan(memory.memFreeKib);
  expect(memory.memAvailableKib).toBeGreaterThan(0);
});
