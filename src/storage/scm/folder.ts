import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ScmTierConfig } from "../../config/types.ts";
import { makeFolder, syncFolder, writeFileDurable } from "../../files/durable.ts";
import { exists } from "../../files/exists.ts";
import { faultAlreadyFormatted, faultFolderInUse } from "../faults.ts";
import { gibToBytes } from "../size.ts";
import { filesystemUsage, type ScmBackend, type ScmUsage } from "./backend.ts";
import { eraseFolder } from "./erase.ts";

/** Says that a folder is a memory tier: what a mount says for a tmpfs. */
const MARKER = ".daos_scm_folder";
/** In its place while the folder is erased: it is ours, and holds nothing that is whole. */
const ERASING = ".daos_scm_folder.erasing";

/** More files than this are not counted one by one; the file system's own figures serve then. */
const MAX_COUNTED_FILES = 10_000;

/** Bytes allocated to the files below a folder, or undefined when there are too many to count. */
async function allocatedBytes(root: string): Promise<bigint | undefined> {
  let total = 0n;
  let count = 0;
  for (const name of await readdir(root, { recursive: true })) {
    count += 1;
    if (count > MAX_COUNTED_FILES) return undefined;
    try {
      total += BigInt((await lstat(join(root, name))).blocks) * 512n;
    } catch {
      // removed while we were looking
    }
  }
  return total;
}

/**
 * The "ram" tier of a server that may not mount: an ordinary folder of the same size on paper. For trying
 * things out; asked for by name (`--scm-as-folder`), never fallen back to.
 */
export function createFolderScm(tier: ScmTierConfig): ScmBackend {
  const target = tier.scmMount;
  const marker = join(target, MARKER);
  const sizeBytes = gibToBytes(tier.scmSize);
  const isMounted = () => exists(marker);

  const usage = async (): Promise<ScmUsage> => {
    const disk = await filesystemUsage(target);
    if (sizeBytes === 0n) return disk;
    const used = await allocatedBytes(target);
    if (used === undefined) return disk;
    const left = sizeBytes > used ? sizeBytes - used : 0n;
    return { totalBytes: sizeBytes, availBytes: left < disk.availBytes ? left : disk.availBytes };
  };

  /** What is in it is ours. @throws Fault 207 */
  const requireOurs = async () => {
    const names = await readdir(target);
    if (names.length > 0 && !names.includes(MARKER) && !names.includes(ERASING))
      throw faultFolderInUse(target);
  };

  const clear = async () => {
    // A crash in between leaves a folder that is not formatted, and may be erased.
    await writeFileDurable(join(target, ERASING), "", 0o600);
    await eraseFolder(target, [ERASING]);
    await rm(join(target, ERASING));
    await syncFolder(target);
  };
  return {
    class: "ram",
    mountPoint: target,
    sizeBytes,
    isMounted,
    needsFormat: async () => !(await isMounted()),
    async mount() {
      if (!(await isMounted())) await this.format(false);
    },
    async format(force) {
      await makeFolder(target);
      if (!force && (await isMounted())) throw faultAlreadyFormatted(target);
      // Not even by force: a mount would hide what is there, and here it would be gone.
      await requireOurs();
      await clear();
      await writeFileDurable(marker, "", 0o600);
    },
    async unmount() {
      if (await isMounted()) await clear();
    },
    usage,
  };
}
