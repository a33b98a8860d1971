import { realpath } from "node:fs/promises";
import path from "node:path";
import { type BlockDevice, blockDevicesOf, readBlockFacts } from "./block.ts";
import { type HostRoots, linkName, names, readInteger, readText } from "./roots.ts";
import { userSpaceUse } from "./users.ts";

/** A storage controller on the PCI bus. */
export interface StorageController {
  /** "0000:3d:00.0". */
  readonly address: string;
  readonly kind: "nvme" | "vmd";
  readonly vendorId: number;
  readonly deviceId: number;
  /** Kernel driver it is bound to now. */
  readonly driver: string | undefined;
  /** 0 where the kernel does not know. */
  readonly numaNode: number;
  readonly iommuGroup: number | undefined;
  /** Other devices of its IOMMU group that have a driver: they go to user space together or not at all. */
  readonly groupMates: readonly { readonly address: string; readonly driver: string }[];
  /** Address of the VMD it is behind (the kernel's vmd driver shows it then). */
  readonly behindVmd: string | undefined;
  /** Who has it open in user space: "in use by process 4711 (daos_engine)". */
  readonly heldBy: string | undefined;
  /** Block devices that the kernel's driver made of it. */
  readonly blockDevices: readonly BlockDevice[];
}

/** PCI class of NVMe controllers with the NVMe programming interface. */
const CLASS_NVME = 0x010802;
/** PCI class of RAID controllers, which VMD calls itself. */
const CLASS_RAID = 0x010400;
const VENDOR_INTEL = 0x8086;
/** Intel Volume Management Device, by processor generation (drivers/pci/controller/vmd.c). */
const VMD_DEVICES = [0x201d, 0x28c0, 0x467f, 0x4c3d, 0x7d0b, 0x9a0b, 0xa77f, 0xad0b, 0xb06f];

const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

export function isPciAddress(text: string): boolean {
  return PCI_ADDRESS.test(text);
}

function kindOf(
  classCode: number,
  vendorId: number,
  deviceId: number,
): StorageController["kind"] | undefined {
  if (classCode === CLASS_NVME) return "nvme";
  return classCode === CLASS_RAID && vendorId === VENDOR_INTEL && VMD_DEVICES.includes(deviceId)
    ? "vmd"
    : undefined;
}

/** What a PCI device is, or undefined when it is no storage controller that we handle. */
export async function controllerKind(
  roots: HostRoots,
  address: string,
): Promise<{ kind: StorageController["kind"]; vendorId: number; deviceId: number } | undefined> {
  const folder = path.join(roots.sys, "bus/pci/devices", address);
  const [classCode, vendorId, deviceId] = await Promise.all([
    readInteger(path.join(folder, "class")),
    readInteger(path.join(folder, "vendor")),
    readInteger(path.join(folder, "device")),
  ]);
  if (classCode === undefined || vendorId === undefined || deviceId === undefined) return undefined;
  const kind = kindOf(classCode, vendorId, deviceId);
  return kind === undefined ? undefined : { kind, vendorId, deviceId };
}

async function groupMates(roots: HostRoots, address: string): Promise<StorageController["groupMates"]> {
  const mates: { address: string; driver: string }[] = [];
  const group = path.join(roots.sys, "bus/pci/devices", address, "iommu_group/devices");
  for (const mate of await names(group)) {
    if (mate === address) continue;
    const folder = path.join(roots.sys, "bus/pci/devices", mate);
    const driver = await linkName(path.join(folder, "driver"));
    // Bridges stay with the kernel.
    const isBridge = ((await readInteger(path.join(folder, "class"))) ?? 0) >>> 16 === 0x06;
    if (driver !== undefined && !isBridge) mates.push({ address: mate, driver });
  }
  return mates;
}

/** The VMD in a device's path: /sys/devices/pci0000:5d/0000:5d:05.5/pci10000:00/10000:01:00.0. */
async function vmdAbove(roots: HostRoots, real: string): Promise<string | undefined> {
  for (const part of real.split("/").slice(0, -1).reverse()) {
    if (isPciAddress(part) && (await controllerKind(roots, part))?.kind === "vmd") return part;
  }
  return undefined;
}

/** One controller, or undefined when there is none of that address that we handle. */
export async function readController(
  roots: HostRoots,
  address: string,
  blocks?: Awaited<ReturnType<typeof readBlockFacts>>,
): Promise<StorageController | undefined> {
  const what = await controllerKind(roots, address);
  if (what === undefined) return undefined;
  const folder = path.join(roots.sys, "bus/pci/devices", address);
  const real = await realpath(folder);
  const facts = blocks ?? (await readBlockFacts(roots));
  const [driver, numaNode, group, mates, behindVmd, heldBy] = await Promise.all([
    linkName(path.join(folder, "driver")),
    readInteger(path.join(folder, "numa_node")),
    linkName(path.join(folder, "iommu_group")),
    groupMates(roots, address),
    vmdAbove(roots, real),
    userSpaceUse(roots, address),
  ]);
  return {
    address,
    ...what,
    driver,
    numaNode: Math.max(0, numaNode ?? 0),
    iommuGroup: group === undefined ? undefined : Number(group),
    groupMates: mates,
    behindVmd,
    heldBy,
    blockDevices: blockDevicesOf(facts, real),
  };
}

/** All NVMe and VMD controllers of the host, by address. */
export async function readControllers(roots: HostRoots): Promise<StorageController[]> {
  const blocks = await readBlockFacts(roots);
  const found: StorageController[] = [];
  for (const address of await names(path.join(roots.sys, "bus/pci/devices"))) {
    const controller = await readController(roots, address, blocks);
    if (controller !== undefined) found.push(controller);
  }
  return found;
}

/** Text of a PCI device's attribute, for `scan` of devices that no driver describes. */
export async function readPciAttribute(
  roots: HostRoots,
  address: string,
  attribute: string,
): Promise<string | undefined> {
  return readText(path.join(roots.sys, "bus/pci/devices", address, attribute));
}
