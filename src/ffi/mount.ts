import { bindLibc, cString, sysError } from "./libc.ts";

const libc = bindLibc({
  mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
  umount2: { args: ["ptr", "i32"], returns: "i32" },
});

/** Flags of mount(2), by the words that mount(8) has for them. */
export const MountFlag = {
  ro: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  noatime: 1024,
  nodiratime: 2048,
  relatime: 1 << 21,
} as const;

/** Detach now, let go when nobody uses it any more. */
const MNT_DETACH = 2;

/** @throws SysError EPERM, ENOENT, EBUSY, EINVAL (an option the filesystem does not know) … */
export function mount(source: string, target: string, fstype: string, flags: number, data: string): void {
  if (libc.mount(cString(source), cString(target), cString(fstype), flags, cString(data)) !== 0) {
    throw sysError("mount", target);
  }
}

/** @throws SysError EPERM, EINVAL (not a mount point), EBUSY. */
export function unmount(target: string, lazy: boolean): void {
  if (libc.umount2(cString(target), lazy ? MNT_DETACH : 0) !== 0) throw sysError("umount", target);
}
