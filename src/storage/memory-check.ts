import type { MemInfo } from "../hardware/meminfo.ts";
import { faultRamdiskBadSize, faultRamdiskLowMemory } from "./faults.ts";
import type { ScmBackend } from "./scm/backend.ts";

/** Share of a RAM disk's size that must be available memory before engines start, percent (2.6). */
const REQUIRED_PERCENT = 90n;

/** @throws Fault 214 when available memory does not cover the RAM disks that are about to be filled. */
export function checkMemoryForRamdisks(ramdiskBytes: bigint, memory: MemInfo): void {
  const available = BigInt(memory.memAvailableKib) * 1024n;
  const required = (ramdiskBytes / 100n) * REQUIRED_PERCENT;
  if (available < required) throw faultRamdiskLowMemory("Available", ramdiskBytes, required, available);
}

/**
 * Looks at an engine's tmpfs before the engine starts: one that is larger than configured could exhaust the
 * host; one that is not there yet must find the memory.
 */
export async function checkRamdisk(scm: ScmBackend, memory: MemInfo): Promise<void> {
  if (scm.class !== "ram" || scm.sizeBytes === undefined) return;
  if (await scm.isMounted()) {
    const { totalBytes } = await scm.usage();
    if (totalBytes > scm.sizeBytes) throw faultRamdiskBadSize(totalBytes, scm.sizeBytes);
    return;
  }
  checkMemoryForRamdisks(scm.sizeBytes, memory);
}
