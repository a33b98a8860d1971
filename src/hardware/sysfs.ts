import { readdir, readFile } from "node:fs/promises";

/** Trimmed text of a sysfs attribute, or undefined when the kernel does not have it or will not tell. */
export async function readAttribute(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    return undefined;
  }
}

/** A whole number from a sysfs attribute, or undefined. */
export async function readNumber(path: string): Promise<number | undefined> {
  const text = await readAttribute(path);
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  return Number.isInteger(value) ? value : undefined;
}

/** Names in a folder, sorted; none when the folder does not exist. */
export async function listNames(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch {
    return [];
  }
}

/** "0-3,8" -> [0, 1, 2, 3, 8]: the kernel's list of CPUs or nodes. */
export function parseCpuList(text: string): number[] {
  const numbers: number[] = [];
  for (const part of text.trim().split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) continue;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    for (let number = first; number <= last; number += 1) numbers.push(number);
  }
  return numbers;
}
