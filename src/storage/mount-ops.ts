/** The two system calls that need root, as the storage room uses them; helper/client.ts does them in a child. */
export interface MountOps {
  mount(request: {
    source: string;
    target: string;
    fstype: "tmpfs" | "ext4";
    options: string;
  }): Promise<void>;
  unmount(target: string): Promise<void>;
}

/** Mounts through the privileged helper. Loaded when first used: most starts find everything mounted. */
export const helperMountOps: MountOps = {
  async mount(request) {
    const { requestHelper } = await import("../helper/client.ts");
    await requestHelper({ op: "mount", ...request });
  },
  async unmount(target) {
    const { requestHelper } = await import("../helper/client.ts");
    await requestHelper({ op: "unmount", target });
  },
};
