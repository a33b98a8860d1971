import { chmod } from "node:fs/promises";
import type { ScmTierConfig } from "../../config/types.ts";

import { errorText, isFault } from "../../faults/fault.ts";
import { makeFolder } from "../../files/durable.ts";
import { findMount, readMounts } from "../../hardware/mounts.ts";
import { faultAlreadyFormatted, faultMountFailed } from "../faults.ts";
import { helperMountOps, type MountOps } from "../mount-ops.ts";
import { gibToBytes } from "../size.ts";
import { filesystemUsage, type ScmBackend } from "./backend.ts";

const MAX_STACKED = 16;

/** Options 2.6 gives to its tmpfs, in its order (shmem: Documentation/filesystems/tmpfs). */
export function tmpfsOptions(tier: ScmTierConfig, numaNode: number): string {
  const options = [`mpol=prefer:${numaNode}`];
  if (tier.scmSize > 0) options.push(`size=${tier.scmSize}g`);
  if (!tier.scmHugepagesDisabled) options.push("huge=always");
  return options.join(",");
}

/**
 * A memory tier in a tmpfs. What is mounted at the mount point counts as formatted; it outlives the server
 * and is found again by the next one, and is gone with the machine's power.
 */
export function createRamScm(
  tier: ScmTierConfig,
  numaNode: number,
  ops: MountOps = helperMountOps,
): ScmBackend {
  const target = tier.scmMount;
  const isMounted = async () => findMount(await readMounts(), target) !== undefined;

  const mountTmpfs = async () => {
    try {
      await makeFolder(target);
      await ops.mount({
        source: "tmpfs",
        target,
        fstype: "tmpfs",
        options: `noatime,${tmpfsOptions(tier, numaNode)}`,
      });
      await chmod(target, 0o755);
    } catch (error) {
      if (isFault(error)) throw faultMountFailed(target, error.description);
      throw faultMountFailed(target, errorText(error));
    }
  };
  return {
    class: "ram",
    mountPoint: target,
    sizeBytes: gibToBytes(tier.scmSize),
    isMounted,
    needsFormat: async () => !(await isMounted()),
    async mount() {
      if (!(await isMounted())) await mountTmpfs();
    },
    async format(force) {
      if (await isMounted()) {
        if (!force) throw faultAlreadyFormatted(target);
        // Mounts may lie on one another; under the last there is a folder that is left as it is.
        for (let left = MAX_STACKED; left > 0 && (await isMounted()); left--) await ops.unmount(target);
      }
      await mountTmpfs();
    },
    async unmount() {
      if (await isMounted()) await ops.unmount(target);
    },
    usage: () => filesystemUsage(target),
  };
}
