import type { BindableDriver, Step } from "../../helper/ops/requests.ts";
import type { StorageController } from "../../helper/pci/devices.ts";
import type { NodePages, StorageHost } from "../../helper/pci/host.ts";
import { chooseDriver, isUserSpaceDriver, kernelDriver } from "./driver.ts";
import { planPages } from "./pages.ts";
import { type AddressLists, absentAddresses, isListed } from "./select.ts";

/** Who will drive the devices. */
export interface TargetUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface PrepareRequest extends AddressLists {
  readonly user: TargetUser;
  readonly disableVfio: boolean;
  /** Hand Intel's VMDs over as well, with what is behind them. */
  readonly vmd: boolean;
  /** Huge pages of all nodes together; 0: 1024, as SPDK's own script; "keep": as many as there are. */
  readonly hugePages: number | "keep";
  /** NUMA nodes that the pages are for; empty: those of the controllers. */
  readonly nodes: readonly number[];
}

export interface ResetRequest extends AddressLists {
  /** Give huge pages back as well. */
  readonly releasePages: boolean;
}

/** What is to become of one controller, and why. */
export interface DevicePlan {
  readonly address: string;
  readonly kind: StorageController["kind"];
  readonly numaNode: number;
  /** "nvme", "vfio-pci", or undefined for none. */
  readonly driver: string | undefined;
  /** "bind": gets another driver; "keep": has the right one; "skip": is not touched. */
  readonly decision: "bind" | "keep" | "skip";
  /** Driver it will have; its present one unless it is bound. */
  readonly to: string | undefined;
  readonly reason: string;
}

/** Huge pages of one node: what is needed, what is there, what is missing. */
export interface PagesPlan extends NodePages {
  readonly needed: number;
  /** Pages there will be; `total` when nothing changes. */
  readonly target: number;
  /** Why it may come to fewer, or "". */
  readonly warning: string;
}

/** Everything that would be done, and nothing else. */
export interface StoragePlan {
  /** Driver that devices are handed to; undefined for a reset. */
  readonly driver: string | undefined;
  readonly devices: readonly DevicePlan[];
  readonly pages: readonly PagesPlan[];
  readonly steps: readonly Step[];
  /** Addresses of the allow list that are not on this host. */
  readonly absent: readonly string[];
}

function decide(
  controller: StorageController,
  decision: DevicePlan["decision"],
  to: string | undefined,
  reason: string,
): DevicePlan {
  const { address, kind, numaNode, driver } = controller;
  return { address, kind, numaNode, driver, decision, to: decision === "bind" ? to : driver, reason };
}

const skip = (controller: StorageController, reason: string) => decide(controller, "skip", undefined, reason);

/** Data that somebody uses on the controller, or behind it. */
function usesOf(controller: StorageController, host: StorageHost): string[] {
  const own = controller.blockDevices.flatMap((block) => block.uses);
  if (controller.kind !== "vmd") return own;
  return host.controllers
    .filter((one) => one.behindVmd === controller.address)
    .flatMap((one) => one.blockDevices.flatMap((block) => block.uses));
}

/** Devices that share the IOMMU group and would stay with the kernel, which VFIO does not allow. */
function strangers(controller: StorageController, host: StorageHost): string[] {
  return controller.groupMates
    .filter((mate) => !isUserSpaceDriver(mate.driver))
    .filter((mate) => !host.controllers.some((one) => one.address === mate.address))
    .map((mate) => `${mate.address} (${mate.driver})`);
}

function planDevice(
  controller: StorageController,
  host: StorageHost,
  request: PrepareRequest,
  driver: BindableDriver,
  vmdPlans: ReadonlyMap<string, DevicePlan>,
): DevicePlan {
  const above = controller.behindVmd;
  if (above !== undefined) {
    const vmd = vmdPlans.get(above);
    return vmd?.decision === "bind"
      ? skip(controller, `goes with its VMD ${above}`)
      : skip(controller, `is behind VMD ${above}, which stays with the kernel`);
  }
  if (isListed(request.block, controller, host)) return skip(controller, "is on the block list");
  if (request.allow.length > 0 && !isListed(request.allow, controller, host)) {
    return skip(controller, "is not on the allow list");
  }
  if (controller.kind === "vmd" && !request.vmd) return skip(controller, "VMD is not enabled");
  const uses = usesOf(controller, host);
  if (uses.length > 0) return skip(controller, uses.join(", "));
  if (controller.driver === driver) return decide(controller, "keep", driver, `is on ${driver} already`);
  if (controller.heldBy !== undefined) return skip(controller, controller.heldBy);
  const mates = driver === "vfio-pci" && host.iommu ? strangers(controller, host) : [];
  if (mates.length > 0) {
    return skip(controller, `shares IOMMU group ${controller.iommuGroup} with ${mates.join(", ")}`);
  }
  return decide(controller, "bind", driver, "");
}

/**
 * Plans how controllers are handed to user space and how many huge pages are allocated. Pure: it sees the host
 * as it was read and says every change. Controllers with mounted, partitioned or otherwise held data are never
 * in it.
 * @throws Fault "dependency" 1 when the kernel has no driver for it.
 */
export function planPrepare(host: StorageHost, request: PrepareRequest): StoragePlan {
  const driver = chooseDriver(host, request.disableVfio);
  const vmdPlans = new Map<string, DevicePlan>();
  for (const one of host.controllers.filter((controller) => controller.kind === "vmd")) {
    vmdPlans.set(one.address, planDevice(one, host, request, driver, new Map()));
  }
  const devices = host.controllers.map(
    (one) => vmdPlans.get(one.address) ?? planDevice(one, host, request, driver, vmdPlans),
  );
  const bound = devices.filter((device) => device.decision === "bind");
  const taken = devices.filter((device) => device.decision !== "skip");
  const nodes =
    request.nodes.length > 0 ? request.nodes : [...new Set(taken.map((device) => device.numaNode))];
  const pages = request.hugePages === "keep" ? [] : planPages(host, request.hugePages, nodes);
  const steps: Step[] = [];
  if (bound.length > 0) {
    steps.push({ do: "load-module", module: driver });
    if (driver === "vfio-pci" && host.loadable.includes("vfio_iommu_type1")) {
      steps.push({ do: "load-module", module: "vfio_iommu_type1" });
    }
  }
  steps.push({ do: "clean-spdk" });
  // What is behind a VMD goes first: unbound one by one it is quick, with the VMD it is not.
  for (const vmd of bound.filter((device) => device.kind === "vmd")) {
    for (const child of host.controllers.filter((one) => one.behindVmd === vmd.address)) {
      if (child.driver !== undefined) steps.push({ do: "bind", address: child.address, driver: "none" });
    }
  }
  for (const device of bound) steps.push({ do: "bind", address: device.address, driver });
  if (driver === "vfio-pci" && request.user.uid !== 0) {
    for (const { address } of taken) {
      steps.push({ do: "own-vfio", address, uid: request.user.uid, gid: request.user.gid });
    }
  }
  if (host.hugetlbfs.length === 0) steps.push({ do: "mount-hugetlbfs" });
  for (const { node, total, target } of pages) {
    if (target === total) continue;
    steps.push({ do: "hugepages", node, pageSizeKib: host.pageSizeKib, pages: target });
  }
  if (request.user.uid !== 0) {
    steps.push({ do: "own-hugetlbfs", uid: request.user.uid, gid: request.user.gid });
  }
  return { driver, devices, pages, steps, absent: absentAddresses(host, request) };
}

/** Plans how controllers go back to the kernel's drivers. */
export function planReset(host: StorageHost, request: ResetRequest): StoragePlan {
  const devices = host.controllers.map((one): DevicePlan => {
    if (isListed(request.block, one, host)) return skip(one, "is on the block list");
    if (request.allow.length > 0 && !isListed(request.allow, one, host)) {
      return skip(one, "is not on the allow list");
    }
    const own = kernelDriver(one.kind);
    if (one.driver === own) return decide(one, "keep", own, `is on ${own} already`);
    if (one.driver !== undefined && !isUserSpaceDriver(one.driver)) {
      return skip(one, `is on ${one.driver}, which did not come from prepare`);
    }
    if (one.heldBy !== undefined) return skip(one, one.heldBy);
    return decide(one, "bind", own, "");
  });
  const bound = devices.filter((device) => device.decision === "bind");
  const steps: Step[] = [{ do: "clean-spdk" }];
  for (const kind of ["nvme", "vmd"] as const) {
    if (bound.some((device) => device.kind === kind) && !host.modules.includes(kind)) {
      steps.push({ do: "load-module", module: kind });
    }
  }
  for (const { address, kind } of bound) steps.push({ do: "bind", address, driver: kernelDriver(kind) });
  if (bound.length > 0) steps.push({ do: "rescan" });
  const pages = request.releasePages
    ? host.pages.map(
        (node): PagesPlan => ({ ...node, needed: 0, target: node.total - node.free, warning: "" }),
      )
    : [];
  for (const { node, total, target } of pages) {
    if (target === total) continue;
    steps.push({ do: "hugepages", node, pageSizeKib: host.pageSizeKib, pages: target });
  }
  return { driver: undefined, devices, pages, steps, absent: absentAddresses(host, request) };
}
