import { formatBytes } from "../faults/bytes.ts";
import {
  addressText,
  type BlockDevice,
  busText,
  type DeviceKind,
  type HostDevices,
  isOnBus,
  type NodeDevices,
  type PciAddress,
  type PciDevice,
} from "../hardware/devices.ts";
import { formatRanks } from "../system/ranks.ts";
import type { JsonObject } from "../ui/json.ts";

const KIND_TEXT: Record<DeviceKind, string> = {
  network: "network interface",
  fabric: "OFI domain",
  block: "block device",
};

function deviceText({ address, name, kind, linkSpeedGbs, block }: PciDevice): string {
  const size = block === undefined ? "" : `${formatBytes(block.sizeBytes)} `;
  const speed = linkSpeedGbs > 0 ? ` @ ${linkSpeedGbs.toFixed(2)} GB/s` : "";
  return `${addressText(address)} ${name} (${size}${KIND_TEXT[kind]})${speed}`;
}

/** The text of 2.6, line by line. */
export function topologyText(host: HostDevices): string {
  const lines: string[] = [];
  for (const node of host.nodes) {
    lines.push(`NUMA Node ${node.id}`, `  CPU cores: ${formatRanks(node.cores)}`, "  PCI buses:");
    for (const bus of node.buses) {
      lines.push(`    ${busText(bus)}`);
      for (const [address, devices] of byAddress(node.devices)) {
        if (!isOnBus(bus, devices[0]!.address)) continue;
        lines.push(`      ${address}`, ...devices.map((device) => `        ${deviceText(device)}`));
      }
    }
    const others = node.blocks.filter((block) => block.backing === undefined);
    if (others.length > 0) lines.push("  Non-PCI block devices:");
    for (const { name, sizeBytes, type } of others) {
      lines.push(`    ${name} (${sizeBytes > 0 ? `${formatBytes(sizeBytes)} ` : ""}${type})`);
    }
  }
  if (host.virtual.length > 0) lines.push("Virtual Devices");
  for (const { name, backing } of host.virtual) {
    lines.push(`  ${name} (${KIND_TEXT.network})`);
    if (backing !== undefined) lines.push(`    backed by: ${deviceText(backing)}`);
  }
  return `${lines.join("\n")}\n`;
}

function byAddress(devices: readonly PciDevice[]): Map<string, PciDevice[]> {
  const groups = new Map<string, PciDevice[]>();
  for (const device of devices) {
    const key = addressText(device.address);
    groups.set(key, [...(groups.get(key) ?? []), device]);
  }
  return groups;
}

/** Numbers of 2.6's DeviceType. */
const KIND_NUMBER: Record<DeviceKind, number> = { network: 1, fabric: 2, block: 3 };

const addressDocument = ({ domain, bus, device, function: fn }: PciAddress) => ({
  domain,
  bus,
  device,
  function: fn,
});

function deviceDocument({ name, kind, address, linkSpeedGbs }: PciDevice): JsonObject {
  return {
    name,
    type: KIND_NUMBER[kind],
    pci_address: addressDocument(address),
    link_speed: linkSpeedGbs > 0 ? linkSpeedGbs : undefined,
  };
}

const devicesDocument = (devices: readonly PciDevice[]) =>
  devices.length === 0
    ? null
    : new Map([...byAddress(devices)].map(([key, list]) => [key, list.map(deviceDocument)]));

function nodeDocument(node: NodeDevices): JsonObject {
  return {
    id: node.id,
    cores: node.cores.map((id) => ({ id })),
    pci_buses: orNull(
      node.buses.map((bus) => ({
        low_address: addressDocument({ domain: bus.domain, bus: bus.low, device: 0, function: 0 }),
        high_address: addressDocument({ domain: bus.domain, bus: bus.high, device: 0, function: 0 }),
        pci_devices: devicesDocument(node.devices.filter((device) => isOnBus(bus, device.address))),
      })),
    ),
    pci_devices: devicesDocument(node.devices),
    block_devices: orNull(node.blocks.map(blockDocument)),
  };
}

function blockDocument(block: BlockDevice): JsonObject {
  return {
    type: block.type,
    name: block.name,
    sector_size: block.sectorSizeBytes || undefined,
    size: block.sizeBytes || undefined,
    linux_device_id: block.deviceId || undefined,
    vendor: block.vendor || undefined,
    model: block.model || undefined,
    revision: block.revision || undefined,
    serial_number: block.serial || undefined,
    backing_device: block.backing === undefined ? undefined : deviceDocument(block.backing),
  };
}

/** Go prints a list that was never made as null. */
const orNull = <T>(list: readonly T[]) => (list.length === 0 ? null : list);

/** The document of 2.6. */
export function topologyDocument(host: HostDevices): JsonObject {
  return {
    numa_nodes: new Map(host.nodes.map((node) => [String(node.id), nodeDocument(node)])),
    virtual_devices: orNull(
      host.virtual.map(({ name, backing }) => ({
        name,
        type: KIND_NUMBER.network,
        backing_device: backing === undefined ? null : deviceDocument(backing),
      })),
    ),
  };
}
