import { rm } from "node:fs/promises";
import path from "node:path";
import { type HostRoots, names } from "./roots.ts";

/** Folders that SPDK and DPDK leave things in. */
export interface SpdkFolders {
  /** One folder a process, "spdk_pid<pid>": always stays. */
  readonly run: string;
  /** Files "spdk_pid<pid>map_<n>": stay when a process is killed. */
  readonly hugePages: readonly string[];
  /** Files "spdk_pci_lock_<address>": stay when a process is killed; nothing looks at them but people. */
  readonly locks: string;
}

export const spdkFolders: SpdkFolders = {
  run: "/var/run/dpdk",
  hugePages: ["/dev/hugepages"],
  locks: "/var/tmp",
};

const OWNER = /^spdk_pid(\d+)/;

/** True for what a process that is gone has left, or we ourselves, who have ended SPDK's environment. */
async function ownerIsGone(roots: HostRoots, name: string): Promise<boolean> {
  const pid = OWNER.exec(name)?.[1];
  if (pid === String(process.pid)) return true;
  return pid !== undefined && (await names(path.join(roots.proc, pid))).length === 0;
}

/** Huge-page files of processes that are gone: pages that nobody can use until they are removed. */
export async function removeHugePageFiles(roots: HostRoots, folders: readonly string[]): Promise<number> {
  let removed = 0;
  for (const folder of folders) {
    for (const name of await names(folder)) {
      if (!/^spdk_pid\d+map/.test(name) || !(await ownerIsGone(roots, name))) continue;
      await rm(path.join(folder, name), { force: true });
      removed += 1;
    }
  }
  return removed;
}

/**
 * Removes what processes that are gone have left. What a running engine uses is kept.
 * @param addresses controllers whose lock files go too; undefined: lock files stay.
 * @returns number of files and folders removed.
 */
export async function removeLeftovers(
  roots: HostRoots,
  folders: SpdkFolders,
  addresses: readonly string[] = [],
): Promise<number> {
  let removed = await removeHugePageFiles(roots, folders.hugePages);
  for (const name of await names(folders.run)) {
    if (!(await ownerIsGone(roots, name))) continue;
    await rm(path.join(folders.run, name), { recursive: true, force: true });
    removed += 1;
  }
  const present = new Set(addresses.length === 0 ? [] : await names(folders.locks));
  for (const address of addresses) {
    const name = `spdk_pci_lock_${address}`;
    if (!present.has(name)) continue;
    await rm(path.join(folders.locks, name), { force: true });
    removed += 1;
  }
  return removed;
}
