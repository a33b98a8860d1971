import { expect, test } from "bun:test";
import type { MemInfo } from "../../src/hardware/meminfo.ts";
import { checkMemoryForRamdisks, checkRamdisk } from "../../src/storage/memory-check.ts";
import type { ScmBackend } from "../../src/storage/scm/backend.ts";

const GIB = 1024n ** 3n;

function memory(availableGib: number): MemInfo {
  return {
    hugepagesTotal: 0,
    hugepagesFree: 0,
    hugepagesReserved: 0,
    hugepagesSurplus: 0,
    hugepageSizeKib: 2048,
    memTotalKib: 64 * 1024 ** 2,
    memFreeKib: 0,
    memAvailableKib: availableGib * 1024 ** 2,
  };
}

function ram(over: Partial<ScmBackend>): ScmBackend {
  return {
    class: "ram",
    mountPoint: "/mnt/daos",
    sizeBytes: 10n * GIB,
    isMounted: async () => false,
    needsFormat: async () => true,
    async mount() {},
    async format() {},
    async unmount() {},
    usage: async () => ({ totalBytes: 10n * GIB, availBytes: 10n * GIB }),
    ...over,
  };
}

test("nine tenths of the RAM disk in available memory are enough", () => {
  expect(() => checkMemoryForRamdisks(10n * GIB, memory(9))).not.toThrow();
});

test("less is refused before anything is mounted", () => {
  expect(() => checkMemoryForRamdisks(10n * GIB, memory(8))).toThrow(
    'storage: code = 214 description = "Available memory (RAM) insufficient for configured 10 GiB ram-disk size',
  );
});

test("a tmpfs that is there already asks for no memory", async () => {
  await expect(checkRamdisk(ram({ isMounted: async () => true }), memory(1))).resolves.toBeUndefined();
});

test("a tmpfs larger than configured is refused", async () => {
  const usage = async () => ({ totalBytes: 11n * GIB, availBytes: 0n });
  await expect(checkRamdisk(ram({ isMounted: async () => true, usage }), memory(64))).rejects.toMatchObject({
    code: 215,
  });
});

test("PMem is nobody's memory", async () => {
  await expect(
    checkRamdisk(ram({ class: "dcpm", sizeBytes: undefined }), memory(0)),
  ).resolves.toBeUndefined();
});
