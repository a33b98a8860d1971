import {
  copySharedMemory,
  findSharedMemory,
  removeSharedMemory,
  type SharedMemory,
} from "../../ffi/shared-memory.ts";
import * as layout from "./layout.ts";
import { isAlive } from "./processes.ts";

/** More segments than any engine has pools. */
const MAX_SUBREGIONS = 100_000;

/**
 * Removes what a killed engine has left in shared memory: its segment, and those of its pools, which nothing else
 * would lead to once it is gone. What a living process made or uses stays. Returns how many were removed.
 */
export function removeDeadSegments(index: number): number {
  const key = layout.TELEMETRY_KEY + index;
  const root = deadSegment(key);
  if (root === undefined) return 0;
  let removed = 0;
  for (const pool of subregions(copySharedMemory(root))) {
    const segment = deadSegment(pool);
    if (segment === undefined) continue;
    removeSharedMemory(segment.id);
    removed += 1;
  }
  removeSharedMemory(root.id);
  return removed + 1;
}

function deadSegment(key: number): SharedMemory | undefined {
  const segment = findSharedMemory(key);
  if (segment === undefined || segment.attached > 0 || isAlive(segment.creatorPid)) return undefined;
  return segment;
}

/** Keys of the segments that belong to this one. */
export function subregions(bytes: Uint8Array): number[] {
  if (bytes.byteLength < layout.header.sizeBytes) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const base = view.getBigUint64(layout.header.baseAddress, true);
  const keys = new Set<number>();
  let next = view.getBigUint64(layout.header.subregions, true) - base;
  const last = BigInt(bytes.byteLength - layout.subregion.sizeBytes + layout.subregion.link);
  // The list ends where it began, at the header.
  for (let count = 0; next >= layout.header.sizeBytes && next <= last && count < MAX_SUBREGIONS; count++) {
    const entry = Number(next) - layout.subregion.link;
    keys.add(view.getUint32(entry + layout.subregion.key, true));
    next = view.getBigUint64(entry + layout.subregion.link, true) - base;
  }
  return [...keys];
}
