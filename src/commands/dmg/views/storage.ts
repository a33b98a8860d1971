import type { HostGroup } from "../../../client/host-results.ts";
import { foldHosts } from "../../../client/hostset.ts";
import { formatPercentage } from "../../../client/sizes.ts";
import type {
  FormattedStorage,
  ScannedStorage,
  StorageFormatAnswer,
  StorageScanAnswer,
} from "../../../client/storage.ts";
import { plural } from "../../../client/words.ts";
import { formatBytes, formatIecBytes } from "../../../faults/bytes.ts";
import type { NvmeController } from "../../../gen/ctl/smd_pb.ts";
import type { MemInfo } from "../../../gen/ctl/storage_pb.ts";
import type { ScmModule, ScmNamespace } from "../../../gen/ctl/storage_scm_pb.ts";
import { nilRank } from "../../../system/ranks.ts";
import type { Json, JsonObject } from "../../../ui/json.ts";
import { banner, formatTable } from "../../../ui/table.ts";
import { hashKey, hostErrorsDocument, listOrNull, printableHosts } from "./common.ts";
import { controllerDocument, roleNames } from "./smd.ts";

/** The seven fields of 2.6's HostStorage, in their order; those not given are null. */
export function hostStorageDocument(fields: JsonObject): Json {
  return {
    nvme_devices: null,
    scm_modules: null,
    scm_namespaces: null,
    scm_mount_points: null,
    smd_info: null,
    reboot_required: false,
    mem_info: null,
    ...fields,
  };
}

/** `HostStorage`: a map from a number to hosts with the same storage, sorted by that number's text. */
export function hostStorageMap<T>(groups: readonly HostGroup<T>[], storage: (value: T) => Json): Json {
  const entries = groups.map((group): [string, Json] => {
    return [hashKey(group.key), { storage: storage(group.value), hosts: foldHosts(group.hosts) }];
  });
  return entries.length === 0 ? null : new Map(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
}

export function storageScanDocument(answer: StorageScanAnswer): Json {
  return {
    host_errors: hostErrorsDocument(answer.errors),
    HostStorage: hostStorageMap(answer.groups, (storage) =>
      hostStorageDocument({
        nvme_devices: listOrNull(storage.controllers.map(controllerDocument)),
        scm_modules: listOrNull(storage.modules.map(moduleDocument)),
        scm_namespaces: listOrNull(storage.namespaces.map(namespaceDocument)),
        mem_info: memoryDocument(storage.memory),
      }),
    ),
  };
}

export function moduleDocument(module: ScmModule | undefined): Json {
  return {
    ChannelID: module?.channelid ?? 0,
    ChannelPosition: module?.channelposition ?? 0,
    ControllerID: module?.controllerid ?? 0,
    SocketID: module?.socketid ?? 0,
    PhysicalID: module?.physicalid ?? 0,
    Capacity: module?.capacity ?? 0n,
    UID: module?.uid ?? "",
    PartNumber: module?.partNumber ?? "",
    FirmwareRevision: module?.firmwareRevision ?? "",
    HealthState: module?.healthState ?? "",
  };
}

function namespaceDocument(namespace: ScmNamespace): Json {
  const { mount } = namespace;
  return {
    uuid: namespace.uuid,
    blockdev: namespace.blockdev,
    dev: namespace.dev,
    numa_node: namespace.numaNode,
    size: namespace.size,
    mount: mount
      ? {
          class: mount.class,
          device_list: listOrNull(mount.deviceList),
          info: "",
          path: mount.path,
          rank: mount.rank,
          total_bytes: mount.totalBytes,
          avail_bytes: mount.availBytes,
          usable_bytes: mount.usableBytes,
        }
      : null,
  };
}

function memoryDocument(memory: MemInfo | undefined): Json {
  if (!memory) return null;
  return {
    hugepages_total: memory.hugepagesTotal,
    hugepages_free: memory.hugepagesFree,
    hugepages_reserved: memory.hugepagesReserved,
    hugepages_surplus: memory.hugepagesSurplus,
    hugepage_size_kb: memory.hugepageSizeKb,
    mem_total_kb: memory.memTotalKb,
    mem_free_kb: memory.memFreeKb,
    mem_available_kb: memory.memAvailableKb,
  };
}

export function storageScanText(
  groups: readonly HostGroup<ScannedStorage>[],
  options: { readonly verbose: boolean },
): string {
  if (groups.length === 0) return "";
  if (options.verbose)
    return groups.map(({ value, hosts }) => verboseScan(value, printableHosts(hosts, groups))).join("");
  const rows = groups.map(({ value, hosts }) => ({
    Hosts: printableHosts(hosts, groups),
    "SCM Total": scmSummary(value),
    "NVMe Total": `${formatBytes(sum(value.controllers, capacity))} (${plural(value.controllers.length, "controller")})`,
  }));
  return formatTable(["Hosts", "SCM Total", "NVMe Total"], rows);
}

function scmSummary({ namespaces, modules }: ScannedStorage): string {
  if (namespaces.length === 0) {
    return `${formatIecBytes(sum(modules, (module) => module.capacity))} (${plural(modules.length, "module")})`;
  }
  return `${formatBytes(sum(namespaces, (namespace) => namespace.size))} (${plural(namespaces.length, "namespace")})`;
}

function verboseScan(storage: ScannedStorage, hosts: string): string {
  const head = `${banner(hosts)}HugePage Size: ${storage.memory?.hugepageSizeKb ?? 0} KB\n\n`;
  const scm =
    storage.namespaces.length === 0 ? moduleTable(storage.modules) : namespaceTable(storage.namespaces);
  return `${head}${scm}\n${controllerTable(storage.controllers)}\n`;
}

function moduleTable(modules: readonly ScmModule[]): string {
  if (modules.length === 0) return "  No SCM modules found\n";
  const rows = [...modules]
    .sort((left, right) => left.physicalid - right.physicalid)
    .map((module) => ({
      "SCM Module": `${module.physicalid}`,
      Socket: `${module.socketid}`,
      "Memory Ctrlr": `${module.controllerid}`,
      Channel: `${module.channelid}`,
      "Channel Slot": `${module.channelposition}`,
      Capacity: formatIecBytes(module.capacity),
      UID: module.uid,
      "Part Number": module.partNumber,
      Health: module.healthState,
    }));
  return formatTable(
    [
      "SCM Module",
      "Socket",
      "Memory Ctrlr",
      "Channel",
      "Channel Slot",
      "Capacity",
      "UID",
      "Part Number",
      "Health",
    ],
    rows,
  );
}

function namespaceTable(namespaces: readonly ScmNamespace[]): string {
  const rows = [...namespaces]
    .sort((left, right) => (left.blockdev < right.blockdev ? -1 : 1))
    .map((namespace) => ({
      "SCM Namespace": namespace.blockdev,
      Socket: `${namespace.numaNode}`,
      Capacity: formatBytes(namespace.size),
    }));
  return formatTable(["SCM Namespace", "Socket", "Capacity"], rows);
}

function controllerTable(controllers: readonly NvmeController[]): string {
  if (controllers.length === 0) return "  No NVMe devices found\n";
  const rows = byAddress(controllers).map((controller) => {
    // All devices on a controller have the same roles and rank.
    const device = controller.smdDevices[0];
    return {
      "NVMe PCI": controller.pciAddr,
      Model: controller.model,
      "FW Revision": controller.fwRev,
      Socket: `${controller.socketId}`,
      Capacity: formatBytes(capacity(controller)),
      "Role(s)": device ? roleNames(device.roleBits) : "NA",
      Rank: device && device.rank !== nilRank ? `${device.rank}` : "None",
    };
  });
  return formatTable(["NVMe PCI", "Model", "FW Revision", "Socket", "Capacity", "Role(s)", "Rank"], rows);
}

export function storageUsageText(groups: readonly HostGroup<ScannedStorage>[]): string {
  if (groups.length === 0) return "";
  const rows = groups.map(({ value: { namespaces, controllers }, hosts }) => {
    const scmTotal = sum(namespaces, (namespace) => namespace.mount?.totalBytes ?? 0n);
    const scmFree = sum(namespaces, (namespace) => namespace.mount?.availBytes ?? 0n);
    const devices = controllers.flatMap((controller) => controller.smdDevices);
    const nvmeTotal = sum(devices, (device) => device.totalBytes);
    const nvmeFree = sum(devices, (device) => device.availBytes);
    return {
      Hosts: printableHosts(hosts, groups),
      "SCM-Total": formatBytes(scmTotal),
      "SCM-Free": formatBytes(scmFree),
      "SCM-Used": formatPercentage(scmTotal - scmFree, scmTotal),
      "NVMe-Total": formatBytes(nvmeTotal),
      "NVMe-Free": formatBytes(nvmeFree),
      "NVMe-Used": formatPercentage(nvmeTotal - nvmeFree, nvmeTotal),
    };
  });
  return formatTable(
    ["Hosts", "SCM-Total", "SCM-Free", "SCM-Used", "NVMe-Total", "NVMe-Free", "NVMe-Used"],
    rows,
  );
}

export function storageFormatDocument(answer: StorageFormatAnswer): Json {
  return {
    host_errors: hostErrorsDocument(answer.errors),
    HostStorage: hostStorageMap(answer.groups, ({ controllers, mounts }) =>
      hostStorageDocument({
        nvme_devices: listOrNull(controllers.map(formattedControllerDocument)),
        scm_mount_points: listOrNull(
          mounts.map(({ path, info }) => ({
            class: "",
            device_list: null,
            info,
            path,
            rank: 0,
            total_bytes: 0,
            avail_bytes: 0,
            usable_bytes: 0,
          })),
        ),
      }),
    ),
  };
}

function formattedControllerDocument(controller: FormattedStorage["controllers"][number]): Json {
  return {
    ...emptyController,
    info: controller.info,
    pci_addr: controller.pciAddr,
    smd_devices: [
      {
        role_bits: controller.roleBits,
        uuid: "",
        tgt_ids: null,
        rank: 0,
        total_bytes: 0,
        avail_bytes: 0,
        usable_bytes: 0,
        cluster_size: 0,
        meta_size: 0,
        meta_wal_size: 0,
        rdb_size: 0,
        rdb_wal_size: 0,
        roles: roleNames(controller.roleBits),
        has_sys_xs: false,
        ctrlr: emptyController,
        ctrlr_namespace_id: 0,
      },
    ],
  };
}

/** A controller of which nothing is known. */
const emptyController = {
  info: "",
  model: "",
  serial: "",
  pci_addr: "",
  fw_rev: "",
  vendor_id: "",
  pci_type: "",
  socket_id: 0,
  health_stats: null,
  namespaces: null,
  smd_devices: null,
  dev_state: "UNKNOWN",
  led_state: "NA",
};

/** What a server calls a device that was not formatted. */
const notFormatted = "<nil>";

export function storageFormatText(
  groups: readonly HostGroup<FormattedStorage>[],
  options: { readonly verbose: boolean },
): string {
  if (groups.length === 0) return "";
  if (options.verbose)
    return groups.map(({ value, hosts }) => verboseFormat(value, printableHosts(hosts, groups))).join("");
  const rows = groups.map(({ value, hosts }) => ({
    Hosts: printableHosts(hosts, groups),
    "SCM Devices": `${value.mounts.length}`,
    "NVMe Devices": `${value.controllers.filter(({ pciAddr }) => pciAddr !== notFormatted).length}`,
  }));
  return `Format Summary:\n${formatTable(["Hosts", "SCM Devices", "NVMe Devices"], rows, { indent: 2 })}`;
}

function verboseFormat({ mounts, controllers }: FormattedStorage, hosts: string): string {
  const mountRows = [...mounts]
    .sort((left, right) => (left.path < right.path ? -1 : 1))
    .map(({ path, info }) => ({ "SCM Mount": path, "Format Result": info }));
  const scm =
    mountRows.length === 0
      ? "  No SCM mount results\n"
      : formatTable(["SCM Mount", "Format Result"], mountRows);
  const deviceRows = byAddress(controllers)
    .filter(({ pciAddr }) => pciAddr !== notFormatted)
    .map(({ pciAddr, info, roleBits }) => ({
      "NVMe PCI": pciAddr,
      "Format Result": info,
      "Role(s)": roleNames(roleBits),
    }));
  const nvme =
    deviceRows.length === 0
      ? "  No NVMe devices were formatted\n"
      : formatTable(["NVMe PCI", "Format Result", "Role(s)"], deviceRows);
  return `${banner(hosts)}${scm}\n${nvme}\n`;
}

export function capacity(controller: NvmeController): bigint {
  return sum(controller.namespaces, (namespace) => namespace.size);
}

function sum<T>(list: readonly T[], sizeOf: (item: T) => bigint): bigint {
  return list.reduce((total, item) => total + sizeOf(item), 0n);
}

function byAddress<T extends { readonly pciAddr: string }>(list: readonly T[]): T[] {
  return [...list].sort((left, right) => (left.pciAddr < right.pciAddr ? -1 : 1));
}
