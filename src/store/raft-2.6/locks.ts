import { readFile, stat } from "node:fs/promises";

/**
 * Whether another process holds a lock on the file, as bbolt does (flock) while it has it open. Asked of the
 * kernel's list, for which no native call is needed.
 * @throws what the file system says when there is no such file
 */
export async function isLocked(path: string): Promise<boolean> {
  const { ino, dev } = await stat(path, { bigint: true });
  const wanted = `${hex(major(dev))}:${hex(minor(dev))}:${ino}`;
  const locks = await readFile("/proc/locks", "utf8").catch(() => "");
  // "1: FLOCK  ADVISORY  WRITE 1234 fd:01:12345 0 EOF"
  return locks.split("\n").some((line) => line.split(/\s+/).includes(wanted));
}

/** As the kernel prints it: two digits or more. */
function hex(number: bigint): string {
  return number.toString(16).padStart(2, "0");
}

function major(dev: bigint): bigint {
  return ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
}

function minor(dev: bigint): bigint {
  return (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
}
