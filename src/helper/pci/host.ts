import path from "node:path";
import { readControllers, type StorageController } from "./devices.ts";
import { type HostRoots, hostRoots, linkName, names, readInteger, readText } from "./roots.ts";

/** Huge pages of the default size on one NUMA node; node -1 on a kernel that has no nodes. */
export interface NodePages {
  readonly node: number;
  readonly total: number;
  readonly free: number;
  /** Memory that is free on the node, KiB. */
  readonly memFreeKib: number;
}

/** What preparing storage has to know of a host. */
export interface StorageHost {
  readonly controllers: readonly StorageController[];
  /** The kernel has put devices into IOMMU groups. */
  readonly iommu: boolean;
  /** Bits of the narrowest IOMMU; undefined when it does not tell. */
  readonly iommuAddressBits: number | undefined;
  /** VFIO may be used without an IOMMU (a switch of the vfio module). */
  readonly unsafeNoIommu: boolean;
  /** Kernel modules that are loaded or built in. */
  readonly modules: readonly string[];
  /** Kernel modules that could be loaded. */
  readonly loadable: readonly string[];
  readonly pageSizeKib: number;
  readonly pages: readonly NodePages[];
  /** Mount points of hugetlbfs. */
  readonly hugetlbfs: readonly string[];
}

/** The modules that matter here. */
const MODULES = ["vfio-pci", "vfio_iommu_type1", "uio_pci_generic", "nvme", "vmd", "msr"] as const;

async function modulesPresent(roots: HostRoots): Promise<string[]> {
  const [loaded, drivers] = await Promise.all([
    names(path.join(roots.sys, "module")),
    names(path.join(roots.sys, "bus/pci/drivers")),
  ]);
  return MODULES.filter((module) => loaded.includes(module.replaceAll("-", "_")) || drivers.includes(module));
}

/** Module files of the running kernel. */
async function modulesLoadable(roots: HostRoots): Promise<string[]> {
  const release = await readText(path.join(roots.proc, "sys/kernel/osrelease"));
  if (release === undefined) return [];
  // Beside /proc and /sys; a recorded tree has its own.
  const folder = path.join(path.dirname(roots.sys), "lib/modules", release);
  const listing = `${(await readText(path.join(folder, "modules.dep"))) ?? ""}\n${(await readText(path.join(folder, "modules.builtin"))) ?? ""}`;
  return MODULES.filter((module) =>
    new RegExp(`/${module.replaceAll(/[-_]/g, "[-_]")}\\.ko`, "m").test(listing),
  );
}

/** Width of host addresses out of the capability register of Intel's IOMMUs (VT-d specification, MGAW). */
async function addressBits(roots: HostRoots): Promise<number | undefined> {
  const root = path.join(roots.sys, "class/iommu");
  let narrowest: number | undefined;
  for (const unit of await names(root)) {
    const text = await readText(path.join(root, unit, "intel-iommu/cap"));
    if (text === undefined || !/^[0-9a-f]+$/i.test(text)) continue;
    const bits = Number((BigInt(`0x${text}`) >> 16n) & 0x3fn) + 1;
    narrowest = Math.min(narrowest ?? bits, bits);
  }
  return narrowest;
}

async function readPages(roots: HostRoots, pageSizeKib: number): Promise<NodePages[]> {
  const root = path.join(roots.sys, "devices/system/node");
  const pages: NodePages[] = [];
  for (const name of await names(root)) {
    const node = /^node(\d+)$/.exec(name)?.[1];
    if (node === undefined) continue;
    const folder = path.join(root, name, "hugepages", `hugepages-${pageSizeKib}kB`);
    const total = await readInteger(path.join(folder, "nr_hugepages"));
    if (total === undefined) continue;
    const meminfo = (await readText(path.join(root, name, "meminfo"))) ?? "";
    pages.push({
      node: Number(node),
      total,
      free: (await readInteger(path.join(folder, "free_hugepages"))) ?? 0,
      memFreeKib: Number(/MemFree:\s*(\d+) kB/.exec(meminfo)?.[1] ?? 0),
    });
  }
  if (pages.length > 0) return pages.sort((left, right) => left.node - right.node);
  const folder = path.join(roots.sys, "kernel/mm/hugepages", `hugepages-${pageSizeKib}kB`);
  const total = await readInteger(path.join(folder, "nr_hugepages"));
  if (total === undefined) return [];
  const meminfo = (await readText(path.join(roots.proc, "meminfo"))) ?? "";
  const free = (await readInteger(path.join(folder, "free_hugepages"))) ?? 0;
  return [{ node: -1, total, free, memFreeKib: Number(/MemFree:\s*(\d+) kB/.exec(meminfo)?.[1] ?? 0) }];
}

async function hugetlbfsMounts(roots: HostRoots): Promise<string[]> {
  const mountinfo = (await readText(path.join(roots.proc, "self/mountinfo"))) ?? "";
  return mountinfo
    .split("\n")
    .filter((line) => / - hugetlbfs /.test(line))
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point !== "");
}

/** Default size of huge pages. */
export async function hugePageSizeKib(roots: HostRoots): Promise<number> {
  const meminfo = (await readText(path.join(roots.proc, "meminfo"))) ?? "";
  return Number(/Hugepagesize:\s*(\d+) kB/.exec(meminfo)?.[1] ?? 2048);
}

/** Looks at the host; changes nothing and needs no rights. */
export async function readStorageHost(roots: HostRoots = hostRoots): Promise<StorageHost> {
  const pageSizeKib = await hugePageSizeKib(roots);
  const [controllers, groups, bits, noIommu, modules, loadable, pages, hugetlbfs] = await Promise.all([
    readControllers(roots),
    names(path.join(roots.sys, "kernel/iommu_groups")),
    addressBits(roots),
    readText(path.join(roots.sys, "module/vfio/parameters/enable_unsafe_noiommu_mode")),
    modulesPresent(roots),
    modulesLoadable(roots),
    readPages(roots, pageSizeKib),
    hugetlbfsMounts(roots),
  ]);
  return {
    controllers,
    iommu: groups.length > 0,
    iommuAddressBits: bits,
    unsafeNoIommu: noIommu === "Y",
    modules,
    loadable,
    pageSizeKib,
    pages,
    hugetlbfs,
  };
}

/** Driver that a PCI device is bound to now. */
export function driverOf(roots: HostRoots, address: string): Promise<string | undefined> {
  return linkName(path.join(roots.sys, "bus/pci/devices", address, "driver"));
}
