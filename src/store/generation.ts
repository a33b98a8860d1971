import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder, writeFileDurable } from "../files/durable.ts";
import { openSqliteStore } from "./sqlite.ts";
import { sqlitePath } from "./sqlite-file.ts";

/**
 * How often a system's database was replaced as a whole, by a restore or a recovery. Replicas with a lower number
 * hold what is no longer the system; they put it aside and join anew.
 */
export const generationKey = "meta/generation";

export function generationOf(records: ReadonlyMap<string, string>): number {
  return Number(records.get(generationKey) ?? "0");
}

/** Says in which generation the database of this folder is; beside the database, so that it is known without it. */
function generationFile(dir: string): string {
  return join(dir, "generation");
}

/** A database that was put in place by hand and has not been started yet. */
function replacedFile(dir: string): string {
  return join(dir, "replaced.json");
}

export async function readGeneration(dir: string): Promise<number> {
  return Number(await readFile(generationFile(dir), "utf8").catch(() => "0"));
}

export async function writeGeneration(dir: string, generation: number): Promise<void> {
  if ((await readGeneration(dir)) !== generation)
    await writeFileDurable(generationFile(dir), `${generation}`, 0o600);
}

/** What is known of a replacement that waits for the server's start; undefined when there is none. */
export async function pendingReplacement(dir: string): Promise<Replacement | undefined> {
  try {
    return JSON.parse(await readFile(replacedFile(dir), "utf8")) as Replacement;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export interface Replacement {
  /** "recover", "restore", "import". */
  readonly by: string;
  /** RFC 3339. */
  readonly at: string;
  /** Where what was there before is kept; "" when there was nothing. */
  readonly old: string;
}

/** The database has been taken up: from now on another replacement may be made. */
export async function replacementTaken(dir: string): Promise<void> {
  await rm(replacedFile(dir), { force: true });
}

/**
 * Puts the databases of `dir` into a folder of it and returns that, "" when there are none. What DAOS 2.6 has left
 * there stays.
 */
export async function setAside(dir: string, now: Date): Promise<string> {
  const target = join(dir, `old-${now.toISOString().replace(/[:.]/g, "-")}`);
  const names = (await readdir(dir).catch(() => [])).filter(
    (name) => name === "etcd" || /^system\.sqlite(-wal|-shm)?$/.test(name),
  );
  if (names.length === 0) return "";
  await mkdir(target, { recursive: true, mode: 0o700 });
  for (const name of names) await rename(join(dir, name), join(target, name));
  await syncFolder(dir);
  return target;
}

/**
 * Puts `records` in the place of whatever database is in `dir`, which is kept aside. The server that starts on it
 * founds the system anew with them; the other replicas put theirs aside and join.
 * @param base the highest generation known so far
 */
export async function replaceDatabase(
  dir: string,
  records: ReadonlyMap<string, string>,
  options: { readonly by: string; readonly now: Date; readonly base: number },
): Promise<Replacement> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const generation = Math.max(options.base, generationOf(records), await readGeneration(dir)) + 1;
  const draft = join(dir, "new");
  await rm(draft, { recursive: true, force: true });
  const store = await openSqliteStore({ dir: draft, addr: "" });
  try {
    const ops = [...records, [generationKey, String(generation)] as const]
      .filter(([key]) => key !== "meta/imported")
      .map(([key, value]) => ({ key, value }));
    await store.commit(ops);
  } finally {
    await store.close();
  }
  const old = await setAside(dir, options.now);
  const replacement: Replacement = { by: options.by, at: options.now.toISOString(), old };
  await writeFileDurable(replacedFile(dir), JSON.stringify(replacement), 0o600);
  await writeGeneration(dir, generation);
  await rename(sqlitePath(draft), sqlitePath(dir));
  await syncFolder(dir);
  await rm(draft, { recursive: true, force: true });
  return replacement;
}
