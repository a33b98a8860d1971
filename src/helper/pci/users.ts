import { readlink } from "node:fs/promises";
import path from "node:path";
import { type HostRoots, linkName, names, readText } from "./roots.ts";

/** A process that has a device open. */
export interface DeviceUser {
  readonly pid: number;
  readonly command: string;
}

/** The device file that a user-space driver opens for a PCI device, or undefined when there is none. */
export async function userSpaceFile(roots: HostRoots, address: string): Promise<string | undefined> {
  const folder = path.join(roots.sys, "bus/pci/devices", address);
  const driver = await linkName(path.join(folder, "driver"));
  if (driver === "vfio-pci") {
    const group = await linkName(path.join(folder, "iommu_group"));
    if (group === undefined) return undefined;
    const present = new Set(await names(path.join(roots.dev, "vfio")));
    return path.join(roots.dev, "vfio", present.has(`noiommu-${group}`) ? `noiommu-${group}` : group);
  }
  const uio = (await names(path.join(folder, "uio")))[0];
  return uio === undefined ? undefined : path.join(roots.dev, uio);
}

/**
 * Processes that have a file open. Taking a device from its user-space driver waits in the kernel for as long
 * as there are any.
 */
export async function usersOf(roots: HostRoots, file: string): Promise<DeviceUser[]> {
  const users: DeviceUser[] = [];
  for (const pid of await names(roots.proc)) {
    if (!/^\d+$/.test(pid)) continue;
    const folder = path.join(roots.proc, pid, "fd");
    for (const fd of await names(folder)) {
      const target = await readlink(path.join(folder, fd)).catch(() => "");
      if (target !== file) continue;
      users.push({ pid: Number(pid), command: (await readText(path.join(roots.proc, pid, "comm"))) ?? "?" });
      break;
    }
  }
  return users;
}

/** "in use by process 4711 (daos_engine)", or undefined when nobody has the device open. */
export async function userSpaceUse(roots: HostRoots, address: string): Promise<string | undefined> {
  const file = await userSpaceFile(roots, address);
  if (file === undefined) return undefined;
  const users = await usersOf(roots, file);
  if (users.length === 0) return undefined;
  return `in use by ${users.map(({ pid, command }) => `process ${pid} (${command})`).join(", ")}`;
}
