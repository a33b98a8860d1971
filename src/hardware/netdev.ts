import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { listNames, readAttribute, readNumber } from "./sysfs.ts";

/** ARPHRD_… numbers of the kernel (linux/if_arp.h); GetAttachInfo hands them to clients. */
export const NetDevClass = { ethernet: 1, infiniband: 32, loopback: 772 } as const;

export interface NetDevice {
  readonly name: string;
  /** ARPHRD_… number. */
  readonly deviceClass: number;
  /** 0 when the kernel does not know. */
  readonly numaNode: number;
  /** RDMA devices behind it ("mlx5_0"), sorted. */
  readonly rdmaDevices: readonly string[];
  /** Whether it can carry traffic now. */
  readonly ready: boolean;
  /** It has an address (libfabric's socket providers offer only such interfaces). */
  readonly hasAddress: boolean;
}

/** "up" from the driver; loopback and tunnels say "unknown" and are ready when administratively up. */
function isReady(operState: string | undefined, flagsText: string | undefined): boolean {
  if (operState === "up") return true;
  const administrativelyUp = (Number(flagsText ?? 0) & 0x1) !== 0; // IFF_UP
  return operState === "unknown" && administrativelyUp;
}

/** An interface that sysfs does not show: it is mounted for another network namespace than ours. */
function withoutSysfs(name: string): NetDevice | undefined {
  const addresses = networkInterfaces()[name];
  if (addresses === undefined) return undefined;
  const loopback = addresses.some((address) => address.internal);
  return {
    name,
    deviceClass: loopback ? NetDevClass.loopback : NetDevClass.ethernet,
    numaNode: 0,
    rdmaDevices: [],
    ready: true,
    hasAddress: true,
  };
}

/** Reads one interface, or undefined when there is none of that name. */
export async function readNetDevice(name: string, sysRoot = "/sys"): Promise<NetDevice | undefined> {
  const folder = join(sysRoot, "class/net", name);
  const deviceClass = await readNumber(join(folder, "type"));
  if (deviceClass === undefined) return sysRoot === "/sys" ? withoutSysfs(name) : undefined;
  const [numaNode, operState, flags, rdmaDevices] = await Promise.all([
    readNumber(join(folder, "device/numa_node")),
    readAttribute(join(folder, "operstate")),
    readAttribute(join(folder, "flags")),
    listNames(join(folder, "device/infiniband")),
  ]);
  return {
    name,
    deviceClass,
    numaNode: Math.max(0, numaNode ?? 0),
    rdmaDevices,
    ready: isReady(operState, flags),
    hasAddress: (networkInterfaces()[name] ?? []).length > 0,
  };
}

/** Every network interface, by name. @param sysRoot another root than /sys, for tests. */
export async function readNetDevices(sysRoot = "/sys"): Promise<NetDevice[]> {
  const names = await listNames(join(sysRoot, "class/net"));
  const devices = await Promise.all(names.map((name) => readNetDevice(name, sysRoot)));
  return devices.filter((device) => device !== undefined);
}
