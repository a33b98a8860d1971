import fs from "node:fs";
import { bindLibc, sysError } from "./libc.ts";

const { madvise } = bindLibc({ madvise: { args: ["u64", "u64", "i32"], returns: "i32" } });

const MADV_DONTNEED = 4;

/** Mapped parts of a file that hold code and were never written: "start-end r-xp …" of proc(5)'s maps. */
export function codeMappings(
  maps: string,
  file: string,
): { readonly start: bigint; readonly bytes: bigint }[] {
  const found: { start: bigint; bytes: bigint }[] = [];
  for (const line of maps.split("\n")) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \S+\s+(.*)$/.exec(line);
    if (match === null || match[3] !== file) continue;
    const start = BigInt(`0x${match[1]}`);
    found.push({ start, bytes: BigInt(`0x${match[2]}`) - start });
  }
  return found;
}

/**
 * Lets go of the pages of our own code that lie in memory because a start needed them once. What is needed again
 * comes back from the page cache by itself.
 * @throws SysError
 */
export function releaseCodePages(): void {
  const file = fs.readlinkSync("/proc/self/exe");
  for (const { start, bytes } of codeMappings(fs.readFileSync("/proc/self/maps", "utf8"), file)) {
    if (madvise(start, bytes, MADV_DONTNEED) !== 0) throw sysError("madvise");
  }
}
