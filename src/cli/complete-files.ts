import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import type { Candidate } from "./complete.ts";

/** Files and folders whose path begins as typed; folders end in "/". A folder that cannot be read has none. */
export async function fileCandidates(typed: string): Promise<Candidate[]> {
  const folder = typed.slice(0, typed.lastIndexOf("/") + 1);
  const start = typed.slice(folder.length);
  const entries = await readdir(folder.replace(/^~\//, `${homedir()}/`) || ".", { withFileTypes: true });
  return entries
    .filter(({ name }) => name.startsWith(start) && (start.startsWith(".") || !name.startsWith(".")))
    .map((entry) => ({ word: `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}` }))
    .sort((left, right) => (left.word < right.word ? -1 : 1));
}
