import { lstat, readdir, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { readMounts } from "../../hardware/mounts.ts";
import { faultNotErasable } from "../faults.ts";

/**
 * Removes everything in a folder but the files named in `keep`. Never leaves the folder: links are removed, not
 * followed, and a folder that is itself a link, or has something mounted in it, is refused before anything is
 * touched.
 * @throws Fault 207
 */
export async function eraseFolder(folder: string, keep: readonly string[] = []): Promise<void> {
  const found = await lstat(folder);
  if (!found.isDirectory()) throw faultNotErasable(folder, "it is no folder but a link, or a file");
  const root = await realpath(folder);
  if (root === "/") throw faultNotErasable(folder, "it is the root of the file system");
  const inside = (await readMounts()).find((mount) => mount.mountPoint.startsWith(`${root}/`));
  if (inside !== undefined) throw faultNotErasable(folder, `something is mounted at ${inside.mountPoint}`);
  for (const name of await readdir(root)) {
    if (!keep.includes(name)) await rm(join(root, name), { recursive: true, force: true });
  }
}
