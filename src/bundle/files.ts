import { createReadStream } from "node:fs";
import { copyFile, lstat, mkdir, open, readdir, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { createInterface } from "node:readline";
import { run } from "./commands.ts";
import { judgeLine, type LogRange } from "./log-range.ts";
import { isPrivateKey } from "./secrets.ts";

/** The host's name as bundles carry it. */
export function hostFolderName(): string {
  return hostname().split(".")[0] || "localhost";
}

/**
 * `<target>/<host>/<kind>`, made for its owner alone. What is there already must be a folder of ours: targets lie in
 * /tmp, where others can prepare traps.
 * @throws Error saying which folder is not safe
 */
export async function hostFolder(target: string, kind = ""): Promise<string> {
  if (!isAbsolute(target) || normalize(target) === "/") {
    throw new Error(`target folder "${target}" must be an absolute path`);
  }
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  let folder = target;
  await ownFolder(folder);
  for (const name of [hostFolderName(), kind]) {
    if (name === "") continue;
    folder = join(folder, name);
    await ownFolder(folder);
  }
  return folder;
}

async function ownFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const found = await lstat(folder);
  const me = process.getuid?.() ?? 0;
  if (!found.isDirectory()) throw new Error(`${folder} is not a folder`);
  if (found.uid !== me && found.uid !== 0) throw new Error(`${folder} belongs to another user`);
  if ((found.mode & 0o002) !== 0) throw new Error(`${folder} can be written by everybody`);
}

/** Puts text or bytes into a file that nobody has prepared. */
export async function writeBundleFile(path: string, content: string | Uint8Array): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, content, { flag: "wx", mode: 0o644 });
}

/** Copies a log, or the part of it that is wanted; lines without a time go with the line before. */
export async function copyLog(source: string, folder: string, range: LogRange | undefined): Promise<void> {
  const target = join(folder, basename(source));
  if (await isPrivateKey(source)) throw new Error(`${source} is a private key`);
  await rm(target, { force: true });
  if (range === undefined) return copyFile(source, target);
  const output = await open(target, "wx", 0o644);
  const lines = createInterface({ input: createReadStream(source), crlfDelay: Number.POSITIVE_INFINITY });
  let inside = false;
  let waiting: string[] = [];
  try {
    for await (const line of lines) {
      const judged = judgeLine(line, range);
      if (judged !== undefined) inside = judged === "in";
      if (inside) waiting.push(line);
      if (waiting.length >= 1000) {
        await output.write(`${waiting.join("\n")}\n`);
        waiting = [];
      }
    }
    if (waiting.length > 0) await output.write(`${waiting.join("\n")}\n`);
  } finally {
    await output.close();
  }
}

/** A log and what was rotated away from it: every file whose name begins with the log's. */
export async function withRotated(path: string): Promise<string[]> {
  const names = await readdir(dirname(path)).catch(() => []);
  return names
    .filter((name) => name.startsWith(basename(path)))
    .sort()
    .map((name) => join(dirname(path), name));
}

/** Copies the ordinary files of a folder and of those below it; links and private keys stay. */
export async function copyTree(source: string, target: string): Promise<void> {
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const from = join(source, entry.name);
    const to = join(target, entry.name);
    if (entry.isDirectory()) {
      await ownFolder(to);
      await copyTree(from, to);
    } else if (entry.isFile() && !(await isPrivateKey(from))) {
      await rm(to, { force: true });
      await copyFile(from, to);
    }
  }
}

/** Packs a folder beside itself, `<folder>.tar.gz`, for its owner alone. */
export async function archiveFolder(folder: string, signal?: AbortSignal): Promise<string> {
  const archive = `${folder}.tar.gz`;
  await rm(archive, { force: true });
  await writeFile(archive, "", { flag: "wx", mode: 0o600 });
  await run(["tar", "-C", dirname(folder), "-czf", archive, "--", basename(folder)], signal);
  return archive;
}
