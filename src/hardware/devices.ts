import { readFile, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { listNames, parseCpuList, readAttribute, readNumber } from "./sysfs.ts";

/** What a host consists of as DAOS sees it: NUMA nodes with their cores, PCI buses, network and block devices. */

export interface PciAddress {
  readonly domain: number;
  readonly bus: number;
  readonly device: number;
  readonly function: number;
}

export type DeviceKind = "network" | "fabric" | "block";

export interface PciDevice {
  /** The operating system's name: "eth0", "mlx5_0", "nvme0n1". */
  readonly name: string;
  readonly kind: DeviceKind;
  readonly address: PciAddress;
  /** Speed of the device's PCIe link in GB/s; 0: not known, as in a virtual machine. */
  readonly linkSpeedGbs: number;
  readonly block?: BlockDevice;
}

export interface BlockDevice {
  readonly name: string;
  /** "Disk", "NVDIMM" …; "unknown". */
  readonly type: string;
  readonly sizeBytes: number;
  readonly sectorSizeBytes: number;
  /** "259:0". */
  readonly deviceId: string;
  readonly vendor: string;
  readonly model: string;
  readonly revision: string;
  readonly serial: string;
  readonly backing?: PciDevice;
}

export interface PciBus {
  readonly domain: number;
  readonly low: number;
  readonly high: number;
}

export interface NodeDevices {
  readonly id: number;
  /** Cores numbered over the whole machine, as hwloc does. */
  readonly cores: readonly number[];
  readonly buses: readonly PciBus[];
  /** By address. */
  readonly devices: readonly PciDevice[];
  /** Those on PCI, and NVDIMMs. */
  readonly blocks: readonly BlockDevice[];
}

export interface VirtualDevice {
  readonly name: string;
  readonly backing: PciDevice | undefined;
}

export interface HostDevices {
  readonly nodes: readonly NodeDevices[];
  readonly virtual: readonly VirtualDevice[];
}

const ADDRESS = /^([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/;

function parseAddress(text: string): PciAddress | undefined {
  const match = ADDRESS.exec(text);
  if (match === null) return undefined;
  const [domain, bus, device, fn] = match.slice(1).map((part) => Number.parseInt(part, 16));
  return { domain: domain!, bus: bus!, device: device!, function: fn! };
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");

/** "0000:3d:00.0" */
export function addressText(address: PciAddress): string {
  return `${hex(address.domain, 4)}:${hex(address.bus, 2)}:${hex(address.device, 2)}.${address.function}`;
}

/** "0000:3d", or "0000:[3d-3f]" for a range of buses. */
export function busText({ domain, low, high }: PciBus): string {
  return low === high
    ? `${hex(domain, 4)}:${hex(low, 2)}`
    : `${hex(domain, 4)}:[${hex(low, 2)}-${hex(high, 2)}]`;
}

export function isOnBus(bus: PciBus, { domain, bus: number }: PciAddress): boolean {
  return bus.domain === domain && bus.low <= number && number <= bus.high;
}

interface Found {
  readonly device: PciDevice;
  readonly numaNode: number;
}

/** A node nobody knows is the first. */
const nodeOf = async (folder: string) => Math.max(0, (await readNumber(join(folder, "numa_node"))) ?? 0);

/** Reads everything from sysfs, and names of disks from udev. @param roots others than the host's own, for tests. */
export async function readHostDevices(roots: { sys?: string; udev?: string } = {}): Promise<HostDevices> {
  const { sys = "/sys", udev = "/run/udev/data" } = roots;
  const [nodes, buses, blocks, nets, fabrics, cxi] = await Promise.all([
    readCores(sys),
    readBuses(sys),
    findDevices(sys, "block", udev),
    findDevices(sys, "net", udev),
    findDevices(sys, "infiniband", udev),
    findDevices(sys, "cxi", udev),
  ]);
  const nvdimms = await readNvdimms(sys, udev);
  const found = [...blocks, ...nets, ...fabrics, ...cxi];
  // Which of a device's names come first is hwloc's order: disks, interfaces, RDMA devices.
  const sorted = found
    .map((entry, index) => ({ entry, index }))
    .sort((a, b) => compareAddresses(a.entry.device.address, b.entry.device.address) || a.index - b.index)
    .map(({ entry }) => entry);
  const known = new Set(nodes.map((node) => node.id));
  const place = (numaNode: number) => (known.has(numaNode) ? numaNode : nodes[0]!.id);
  return {
    nodes: nodes.map(({ id, cores }) => {
      const devices = sorted.filter(({ numaNode }) => place(numaNode) === id).map(({ device }) => device);
      return {
        id,
        cores,
        buses: buses.filter(({ numaNode }) => place(numaNode) === id).map(({ bus }) => bus),
        devices,
        blocks: [
          ...devices.flatMap((device) =>
            device.block === undefined ? [] : [{ ...device.block, backing: device }],
          ),
          ...nvdimms.filter(({ numaNode }) => place(numaNode) === id).map(({ block }) => block),
        ],
      };
    }),
    virtual: await readVirtual(
      sys,
      sorted.map(({ device }) => device),
    ),
  };
}

function compareAddresses(a: PciAddress, b: PciAddress): number {
  return a.domain - b.domain || a.bus - b.bus || a.device - b.device || a.function - b.function;
}

/** Cores in hwloc's order: packages, nodes and cores by their lowest CPU. */
async function readCores(sys: string): Promise<{ id: number; cores: number[] }[]> {
  const root = join(sys, "devices/system/node");
  const names = (await listNames(root)).filter((name) => /^node\d+$/.test(name));
  const nodes = await Promise.all(
    names.map(async (name) => ({
      id: Number(name.slice(4)),
      cpus: parseCpuList((await readAttribute(join(root, name, "cpulist"))) ?? ""),
    })),
  );
  if (nodes.length === 0) {
    const online = await readAttribute(join(sys, "devices/system/cpu/online"));
    nodes.push({ id: 0, cpus: parseCpuList(online ?? "0") });
  }
  nodes.sort((a, b) => a.id - b.id);
  const cores = new Map<string, { first: number; node: number; socket: string }>();
  for (const node of nodes) {
    for (const cpu of node.cpus) {
      const folder = join(sys, "devices/system/cpu", `cpu${cpu}`, "topology");
      const socket = await readAttribute(join(folder, "physical_package_id"));
      const core = await readAttribute(join(folder, "core_id"));
      if (socket === undefined || core === undefined) continue; // offline
      const key = `${socket}:${core}`;
      const known = cores.get(key);
      if (known === undefined) cores.set(key, { first: cpu, node: node.id, socket });
      else known.first = Math.min(known.first, cpu);
    }
  }
  const firstOf = (same: (core: { node: number; socket: string }) => boolean) =>
    Math.min(...[...cores.values()].filter(same).map((core) => core.first));
  const order = [...cores.values()]
    .map((core) => ({
      ...core,
      socketFirst: firstOf((other) => other.socket === core.socket),
      nodeFirst: firstOf((other) => other.socket === core.socket && other.node === core.node),
    }))
    .sort((a, b) => a.socketFirst - b.socketFirst || a.nodeFirst - b.nodeFirst || a.first - b.first);
  return nodes.map(({ id }) => ({
    id,
    cores: order.flatMap((core, index) => (core.node === id ? [index] : [])),
  }));
}

/** Root buses that have devices, each with the highest bus behind it. */
async function readBuses(sys: string): Promise<{ bus: PciBus; numaNode: number }[]> {
  const root = join(sys, "bus/pci/devices");
  const found = new Map<string, { domain: number; low: number; high: number; numaNode: number }>();
  for (const name of await listNames(root)) {
    const address = parseAddress(name);
    if (address === undefined) continue;
    const real = await realpath(join(root, name)).catch(() => "");
    const [, domain, low] = /\/pci([0-9a-f]{4,8}):([0-9a-f]{2})\//.exec(real) ?? [];
    if (domain === undefined || low === undefined) continue;
    const key = `${domain}:${low}`;
    const subordinate = (await readNumber(join(root, name, "subordinate_bus_number"))) ?? address.bus;
    const known = found.get(key);
    if (known !== undefined) known.high = Math.max(known.high, subordinate, address.bus);
    else {
      found.set(key, {
        domain: Number.parseInt(domain, 16),
        low: Number.parseInt(low, 16),
        high: Math.max(subordinate, address.bus),
        numaNode: await nodeOf(join(root, name)),
      });
    }
  }
  return [...found.values()]
    .sort((a, b) => a.domain - b.domain || a.low - b.low)
    .map(({ numaNode, ...bus }) => ({ bus, numaNode }));
}

const KINDS = { block: "block", net: "network", infiniband: "fabric", cxi: "fabric" } as const;

/** The devices of a class that a PCI device is behind. */
async function findDevices(sys: string, subsystem: keyof typeof KINDS, udev: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const name of await listNames(join(sys, "class", subsystem))) {
    const folder = join(sys, "class", subsystem, name);
    if (subsystem === "block" && (await readNumber(join(folder, "partition"))) !== undefined) continue;
    const pci = await pciFolderOf(folder);
    if (pci === undefined) continue;
    // hwloc does not know cxi; 2.6 takes those that have an interface.
    if (subsystem === "cxi" && (await listNames(join(folder, "device/net"))).length === 0) continue;
    const device: PciDevice = {
      name,
      kind: KINDS[subsystem],
      address: parseAddress(basename(pci))!,
      linkSpeedGbs: await readLinkSpeed(pci),
      ...(subsystem === "block" ? { block: await readBlock(folder, name, udev) } : {}),
    };
    found.push({ device, numaNode: await nodeOf(pci) });
  }
  return found;
}

/** The folder of the PCI function that a device is part of. */
async function pciFolderOf(folder: string): Promise<string | undefined> {
  let real = await realpath(join(folder, "device")).catch(() => undefined);
  while (real !== undefined && real !== "/" && !ADDRESS.test(basename(real))) real = dirname(real);
  return real === "/" ? undefined : real;
}

/** Lane speed less its encoding, times lanes, in single precision as hwloc counts. */
async function readLinkSpeed(pci: string): Promise<number> {
  const [speed, width] = await Promise.all([
    readAttribute(join(pci, "current_link_speed")),
    readNumber(join(pci, "current_link_width")),
  ]);
  const transfers = Number.parseFloat(speed ?? "");
  if (!(transfers > 0) || width === undefined) return 0;
  const lane = transfers <= 5 ? transfers * 0.8 : (transfers * 128) / 130;
  return Math.fround((Math.fround(lane) * width) / 8);
}

async function readBlock(folder: string, name: string, udev: string): Promise<BlockDevice> {
  const [sectors, sectorSize, id, devtype] = await Promise.all([
    readNumber(join(folder, "size")),
    readNumber(join(folder, "queue/hw_sector_size")),
    readAttribute(join(folder, "dev")),
    readAttribute(join(folder, "device/devtype")),
  ]);
  const properties = await readUdev(join(udev, `b${id ?? ""}`));
  const model = properties.get("ID_MODEL") ?? "";
  const type = properties.get("ID_TYPE") ?? "";
  return {
    name,
    type: devtype?.startsWith("nd_") ? "NVDIMM" : typeName(type, name),
    // The kernel counts 512-byte sectors; hwloc hands out whole KiB.
    sizeBytes: Math.floor((sectors ?? 0) / 2) * 1024,
    sectorSizeBytes: sectorSize ?? 0,
    deviceId: id ?? "",
    vendor: vendorName(properties.get("ID_VENDOR") ?? "", model),
    model,
    revision: properties.get("ID_REVISION") ?? "",
    serial: properties.get("ID_SERIAL_SHORT") ?? "",
  };
}

function typeName(type: string, name: string): string {
  if (type === "disk" || name.startsWith("nvme")) return "Disk";
  if (type === "tape") return "Tape";
  return type === "cd" || type === "floppy" ? "Removable Media Device" : "unknown";
}

const VENDORS: readonly (readonly [RegExp, string])[] = [
  [/^wd/i, "Western Digital"],
  [/^st/i, "Seagate"],
  [/^samsung/i, "Samsung"],
  [/^sandisk/i, "SanDisk"],
  [/^toshiba/i, "Toshiba"],
];

/** SATA disks say "ATA"; their model begins with who made them. */
function vendorName(vendor: string, model: string): string {
  if (vendor !== "" && vendor.toUpperCase() !== "ATA") return vendor;
  return VENDORS.find(([beginning]) => beginning.test(model))?.[1] ?? "";
}

async function readUdev(file: string): Promise<Map<string, string>> {
  const properties = new Map<string, string>();
  const text = await readFile(file, "utf8").catch(() => ""); // a host without udev
  for (const [, key, value] of text.matchAll(/^E:([A-Z_]+)=(.*)$/gm)) properties.set(key!, value!);
  return properties;
}

async function readNvdimms(sys: string, udev: string): Promise<{ block: BlockDevice; numaNode: number }[]> {
  const found: { block: BlockDevice; numaNode: number }[] = [];
  for (const name of await listNames(join(sys, "class/block"))) {
    if (!/^pmem\d/.test(name)) continue;
    const folder = join(sys, "class/block", name);
    if ((await readNumber(join(folder, "partition"))) !== undefined) continue;
    if ((await pciFolderOf(folder)) !== undefined) continue;
    found.push({
      block: { ...(await readBlock(folder, name, udev)), type: "NVDIMM" },
      numaNode: await nodeOf(join(folder, "device")),
    });
  }
  return found;
}

/** Virtual interfaces, with the device below if that is a real one. */
async function readVirtual(sys: string, devices: readonly PciDevice[]): Promise<VirtualDevice[]> {
  const root = join(sys, "devices/virtual/net");
  const find = (name: string | undefined) => devices.find((device) => device.name === name);
  const virtual: VirtualDevice[] = [];
  for (const name of await listNames(root)) {
    const parent = await readAttribute(join(sys, "class/net", name, "parent"));
    const lower = (await listNames(join(root, name))).filter((entry) => entry.startsWith("lower_"));
    const backing = find(parent) ?? lower.map((entry) => find(entry.slice(6))).find(Boolean);
    virtual.push({ name, backing });
  }
  return virtual;
}
