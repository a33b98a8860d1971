import { readFile } from "node:fs/promises";
import { wrapError } from "../faults/cause.ts";

/** Entries of a file with one access control entry a line; empty lines and `#` comments do not count. */
export function parseAclText(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** @throws Error when the file cannot be read or names no entry */
export async function readAclFile(path: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw wrapError("opening ACL file", error);
  }
  const entries = parseAclText(text);
  if (entries.length === 0) throw new Error(`ACL file '${path}' contains no entries`);
  return entries;
}
