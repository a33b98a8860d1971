import { lstat, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ScmTierConfig } from "../../config/types.ts";
import { makeFolder, syncFolder, writeFileDurable } from "../durable.ts";
import { faultAlreadyFormatted, faultFolderInUse } from "../faults.ts";
import { gibToBytes } from "../size.ts";
import { filesystemUsage, type ScmBackend, type ScmUsage } from "./backend.ts";

/** Says that a folder is a memory tier: what a mount says for a tmpfs. */
const MARKER = ".daos_scm_folder";

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

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
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

  const clear = async () => {
    // The marker goes first: a crash in between leaves a folder that is not formatted.
    await rm(marker, { force: true });
    await syncFolder(target);
    for (const name of await readdir(target)) await rm(join(target, name), { recursive: true, force: true });
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
      if (await isMounted()) {
        if (!force) throw faultAlreadyFormatted(target);
        await clear();
      } else if ((await readdir(target)).length > 0) {
        if (!force) throw faultFolderInUse(target);
        await clear();
      }
      await writeFileDurable(marker, "", 0o600);
    },
    async unmount() {
      if (await isMounted()) await clear();
    },
    usage,
  };
}
