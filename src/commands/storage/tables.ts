import { create } from "@bufbuild/protobuf";
import { formatBytes, formatIecBytes } from "../../faults/bytes.ts";
import { NvmeControllerSchema } from "../../gen/ctl/smd_pb.ts";
import type { PmemNamespace } from "../../hardware/pmem.ts";
import type { NvmeControllerInit } from "../../storage/nvme-message.ts";
import type { PmemModule } from "../../storage/pmem/host.ts";
import type { Json } from "../../ui/json.ts";
import { formatTable } from "../../ui/table.ts";
import { controllerDocument } from "../dmg/views/smd.ts";

/** NVMe controllers as 2.6's commands print them. */
export function controllerTable(controllers: readonly NvmeControllerInit[]): string {
  if (controllers.length === 0) return "  No NVMe devices found\n";
  const rows = controllers.map((one) => ({
    "NVMe PCI": one.pciAddr ?? "",
    Model: one.model ?? "",
    "FW Revision": one.fwRev ?? "",
    Socket: String(one.socketId ?? 0),
    Capacity: formatBytes((one.namespaces ?? []).reduce((sum, { size }) => sum + (size ?? 0n), 0n)),
    "Role(s)": "NA",
    Rank: "None",
  }));
  return formatTable(["NVMe PCI", "Model", "FW Revision", "Socket", "Capacity", "Role(s)", "Rank"], rows);
}

export function controllersDocument(controllers: readonly NvmeControllerInit[]): Json {
  return controllers.map((one) => controllerDocument(create(NvmeControllerSchema, one)));
}

export function namespaceTable(namespaces: readonly PmemNamespace[]): string {
  if (namespaces.length === 0) return "  No SCM namespaces found\n";
  const rows = [...namespaces]
    .sort((left, right) => (left.blockDevice < right.blockDevice ? -1 : 1))
    .map((one) => ({
      "SCM Namespace": one.blockDevice,
      Socket: String(one.numaNode),
      Capacity: formatBytes(one.sizeBytes),
    }));
  return formatTable(["SCM Namespace", "Socket", "Capacity"], rows);
}

export function namespacesDocument(namespaces: readonly PmemNamespace[]): Json {
  return namespaces.map((one) => ({
    uuid: one.uuid,
    blockdev: one.blockDevice,
    dev: one.name,
    numa_node: one.numaNode,
    size: one.sizeBytes,
    mount: null,
  }));
}

export function moduleTable(modules: readonly PmemModule[]): string {
  if (modules.length === 0) return "  No SCM modules found\n";
  const titles = [
    "SCM Module",
    "Socket",
    "Memory Ctrlr",
    "Channel",
    "Channel Slot",
    "Capacity",
    "UID",
    "Part Number",
    "Health",
  ];
  const rows = [...modules]
    .sort((left, right) => left.physicalId - right.physicalId)
    .map((one) => ({
      "SCM Module": String(one.physicalId),
      Socket: String(one.socketId),
      "Memory Ctrlr": String(one.controllerId),
      Channel: String(one.channelId),
      "Channel Slot": String(one.channelPosition),
      Capacity: formatIecBytes(one.capacityBytes),
      UID: one.uid,
      "Part Number": one.partNumber,
      Health: one.health,
    }));
  return formatTable(titles, rows);
}

export function modulesDocument(modules: readonly PmemModule[]): Json {
  return modules.map((one) => ({
    ChannelID: one.channelId,
    ChannelPosition: one.channelPosition,
    ControllerID: one.controllerId,
    SocketID: one.socketId,
    PhysicalID: one.physicalId,
    Capacity: one.capacityBytes,
    UID: one.uid,
    PartNumber: one.partNumber,
    FirmwareRevision: one.firmwareRevision,
    HealthState: one.health,
  }));
}
