import { z } from "zod";
import type { ScmTierConfig } from "../../config/types.ts";
import { errorText, isFault } from "../../faults/fault.ts";
import {
  faultDeviceWithFsNoMountpoint,
  faultScmMissingDevice,
  faultScmNoReformat,
} from "../../faults/scm.ts";
import { makeFolder } from "../../files/durable.ts";
import { exists } from "../../files/exists.ts";
import { findMount, readMounts } from "../../hardware/mounts.ts";
import { faultMountFailed } from "../faults.ts";
import { helperMountOps, type MountOps } from "../mount-ops.ts";
import { filesystemUsage, type ScmBackend } from "./backend.ts";

/** Options of 2.6: data goes past the page cache straight to PMem. */
const MOUNT_OPTIONS = "noatime,dax,nodelalloc";
/** A terabyte takes minutes. */
const MKFS_TIMEOUT_MS = 660_000;

/** What needs root about a PMem device; tests give another. */
export interface PmemOps extends MountOps {
  /** "none", "ext4", or the name of something else. */
  probe(device: string): Promise<string>;
  mkfs(device: string, force: boolean): Promise<void>;
}

/** Through the privileged helper, which is loaded when first used: most starts find everything mounted. */
export const helperPmemOps: PmemOps = {
  ...helperMountOps,
  async probe(device) {
    const { askHelper } = await import("../../helper/ask.ts");
    return askHelper({ op: "pmem-probe", device }, z.string());
  },
  async mkfs(device, force) {
    const { requestHelper } = await import("../../helper/client.ts");
    await requestHelper({ op: "pmem-mkfs", device, force }, { timeoutMs: MKFS_TIMEOUT_MS });
  },
};

/**
 * A memory tier on PMem: an ext4 file system on a namespace's block device, mounted with DAX. What holds ext4
 * is taken for formatted; anything else that is there is only overwritten when told.
 */
export function createDcpmScm(tier: ScmTierConfig, ops: PmemOps = helperPmemOps): ScmBackend {
  const target = tier.scmMount;
  const device = tier.scmList[0] ?? "";
  const isMounted = async () => findMount(await readMounts(), target) !== undefined;
  const requireDevice = async () => {
    if (!(await exists(device))) throw faultScmMissingDevice(device);
  };
  const mountDevice = async () => {
    try {
      await ops.mount({ source: device, target, fstype: "ext4", options: MOUNT_OPTIONS });
    } catch (error) {
      if (isFault(error)) throw faultMountFailed(target, error.description);
      throw faultMountFailed(target, errorText(error));
    }
  };
  return {
    class: "dcpm",
    mountPoint: target,
    sizeBytes: undefined,
    isMounted,
    async needsFormat() {
      if (await isMounted()) return false;
      await requireDevice();
      if ((await ops.probe(device)) !== "ext4") return true;
      if (!(await exists(target))) throw faultDeviceWithFsNoMountpoint(device, target);
      return false;
    },
    async mount() {
      if (await isMounted()) return;
      await requireDevice();
      await mountDevice();
    },
    async format(force) {
      const mounted = await isMounted();
      await requireDevice();
      if (!force) {
        const found = mounted ? "a mounted file system" : await ops.probe(device);
        if (found !== "none") throw faultScmNoReformat(device, found);
      }
      if (mounted) await ops.unmount(target);
      await makeFolder(target);
      await ops.mkfs(device, force);
      await mountDevice();
    },
    async unmount() {
      if (await isMounted()) await ops.unmount(target);
    },
    usage: () => filesystemUsage(target),
  };
}
