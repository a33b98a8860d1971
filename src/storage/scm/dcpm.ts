import type { ScmTierConfig } from "../../config/types.ts";
import { findMount, readMounts } from "../../hardware/mounts.ts";
import { faultClassNotSupported } from "../faults.ts";
import { filesystemUsage, type ScmBackend } from "./backend.ts";

/**
 * A memory tier on PMem. One that is mounted (by 2.6, or by hand) is used as it is; making or mounting one
 * is refused with a fault.
 */
export function createDcpmScm(tier: ScmTierConfig): ScmBackend {
  const target = tier.scmMount;
  const isMounted = async () => findMount(await readMounts(), target) !== undefined;
  return {
    class: "dcpm",
    mountPoint: target,
    sizeBytes: undefined,
    isMounted,
    needsFormat: async () => !(await isMounted()),
    async mount() {
      if (!(await isMounted())) throw faultClassNotSupported("dcpm", "mount");
    },
    async format() {
      throw faultClassNotSupported("dcpm", "format");
    },
    async unmount() {
      if (await isMounted()) throw faultClassNotSupported("dcpm", "unmount");
    },
    usage: () => filesystemUsage(target),
  };
}
