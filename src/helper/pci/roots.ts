import { constants, open, readdir, readFile, readlink } from "node:fs/promises";
import path from "node:path";

/**
 * Where a host's devices are seen and changed. One place for all of it, so that tests give a recorded tree,
 * and a kernel that plays along.
 */
export interface HostRoots {
  readonly sys: string;
  readonly proc: string;
  readonly dev: string;
  /** A write to a file of the kernel. */
  readonly write: (file: string, text: string) => Promise<void>;
}

/** Opened for writing only and never created: files of the kernel are there or not. */
async function writeKernelFile(file: string, text: string): Promise<void> {
  const handle = await open(file, constants.O_WRONLY);
  try {
    await handle.write(text);
  } finally {
    await handle.close();
  }
}

export const hostRoots: HostRoots = { sys: "/sys", proc: "/proc", dev: "/dev", write: writeKernelFile };

/** Trimmed text of a file, or undefined when it is not there or not readable. */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch {
    return undefined;
  }
}

export async function readInteger(file: string): Promise<number | undefined> {
  const text = await readText(file);
  const value = text === undefined || text === "" ? Number.NaN : Number(text);
  return Number.isInteger(value) ? value : undefined;
}

/** Names in a folder, sorted; none when it is not there. */
export async function names(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    return [];
  }
}

/** Last part of what a link leads to, or undefined when there is no link. */
export async function linkName(link: string): Promise<string | undefined> {
  try {
    return path.basename(await readlink(link));
  } catch {
    return undefined;
  }
}
