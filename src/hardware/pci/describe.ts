import type { Step } from "../../helper/ops/requests.ts";
import type { DevicePlan, PagesPlan, StoragePlan } from "./plan.ts";

/** One line about a controller: "0000:17:00.0  nvme -> vfio-pci". */
export function deviceLine(device: DevicePlan): string {
  const name = `${device.address}${device.kind === "vmd" ? " (VMD)" : ""}`;
  if (device.decision === "bind")
    return `${name}  ${device.driver ?? "no driver"} -> ${device.to ?? "no driver"}`;
  return `${name}  ${device.decision === "keep" ? "" : "left alone: "}${device.reason}`;
}

/** "NUMA node 0: 512 huge pages of 2048 KiB needed, 0 there". */
export function pagesLine(plan: PagesPlan, pageSizeKib: number): string {
  const where = plan.node < 0 ? "host" : `NUMA node ${plan.node}`;
  const change =
    plan.target === plan.total
      ? "enough"
      : `${Math.abs(plan.target - plan.total)} to ${plan.target > plan.total ? "allocate" : "give back"}`;
  const warning = plan.warning === "" ? "" : ` (${plan.warning})`;
  return `${where}: ${plan.needed} huge pages of ${pageSizeKib} KiB needed, ${plan.total} there: ${change}${warning}`;
}

/** What a step writes and calls, as a person would do it by hand. */
export function stepCommands(step: Step, drivers: ReadonlyMap<string, string | undefined>): string[] {
  switch (step.do) {
    case "load-module":
      return [`modprobe ${step.module}`];
    case "bind": {
      const device = `/sys/bus/pci/devices/${step.address}`;
      const lines: string[] = [];
      if (step.driver !== "none") lines.push(`echo ${step.driver} > ${device}/driver_override`);
      if (drivers.get(step.address) !== undefined)
        lines.push(`echo ${step.address} > ${device}/driver/unbind`);
      if (step.driver === "none") return lines;
      return [
        ...lines,
        `echo ${step.address} > /sys/bus/pci/drivers_probe`,
        `echo > ${device}/driver_override`,
      ];
    }
    case "own-vfio":
      return [`chown ${step.uid}:${step.gid} /dev/vfio/<group of ${step.address}>`];
    case "hugepages": {
      const folder = step.node < 0 ? "/sys/kernel/mm" : `/sys/devices/system/node/node${step.node}`;
      return [`echo ${step.pages} > ${folder}/hugepages/hugepages-${step.pageSizeKib}kB/nr_hugepages`];
    }
    case "mount-hugetlbfs":
      return ["mount -t hugetlbfs hugetlbfs /dev/hugepages"];
    case "own-hugetlbfs":
      return [`chown ${step.uid}:${step.gid} <mount points of hugetlbfs>; chmod g+w on them`];
    case "clean-spdk":
      return ["rm what SPDK processes that are gone have left in /dev/hugepages and /var/run/dpdk"];
    case "rescan":
      return ["echo 1 > /sys/bus/pci/rescan"];
  }
}

/** The whole plan, for --dry-run. */
export function planText(plan: StoragePlan, pageSizeKib: number): string {
  const drivers = new Map(plan.devices.map((device) => [device.address, device.driver]));
  const lines = ["Controllers:", ...plan.devices.map((device) => `  ${deviceLine(device)}`)];
  if (plan.devices.length === 0) lines.push("  none");
  for (const address of plan.absent) lines.push(`  ${address}  is not on this host`);
  if (plan.pages.length > 0) {
    lines.push("Huge pages:", ...plan.pages.map((pages) => `  ${pagesLine(pages, pageSizeKib)}`));
  }
  lines.push("Steps:");
  let number = 0;
  for (const step of plan.steps) {
    for (const command of stepCommands(step, drivers)) lines.push(`  ${++number}. ${command}`);
    // Later steps find the driver that this one gives.
    if (step.do === "bind") drivers.set(step.address, step.driver === "none" ? undefined : step.driver);
  }
  return lines.join("\n");
}
