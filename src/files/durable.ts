import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Makes a change of a folder's entries survive power loss. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Replaces a file as one step: a reader, or a start after a crash at any point, finds the old content or the
 * new one. Resolves when the new one would survive power loss. The draft beside it (".<name>.<uuid>.tmp") is made
 * anew, so that nobody can have prepared or opened it.
 */
export async function writeFileDurable(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  const file = await open(draft, "wx", mode);
  try {
    await file.chmod(mode); // the umask must not narrow what peers expect
    await file.writeFile(data);
    await file.sync();
    await file.close();
    await rename(draft, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(draft, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Creates a folder and its missing parents, 0755 as 2.6 makes them. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o755 });
}
