import { errorText, isFault } from "../faults/fault.ts";
import { readNvmeDevices } from "../hardware/nvme.ts";
import { isUserSpaceDriver } from "../hardware/pci/driver.ts";
import type { HelperOptions } from "../helper/client.ts";
import { readStorageHost, type StorageHost } from "../helper/pci/host.ts";
import { type NvmeSelection, scanNvmeBySpdk } from "./nvme-host.ts";
import { controllerMessage, kernelControllerMessage, type NvmeControllerInit } from "./nvme-message.ts";

/** All NVMe controllers of a host, whoever drives them, and what is worth saying about them. */
export interface HostNvme {
  /** By PCI address. */
  readonly controllers: readonly NvmeControllerInit[];
  /** Lines for people: drives that are ill, could not be read, are missing, or are known to the kernel only. */
  readonly notes: readonly string[];
}

/** Whether anything is bound for user space, so that only SPDK can describe it. */
export function needsSpdk(host: StorageHost): boolean {
  return host.controllers.some((one) => isUserSpaceDriver(one.driver));
}

/**
 * Controllers of the host: those on the kernel's driver by sysfs, those that are bound for user space by SPDK
 * in the helper, where there are any. Without SPDK the latter are told of by address alone, and why.
 */
export async function scanHostNvme(
  selection: NvmeSelection & { readonly health?: boolean },
  options: HelperOptions = {},
): Promise<HostNvme> {
  const host = await readStorageHost();
  const wanted = (address: string) => selection.allow.length === 0 || selection.allow.includes(address);
  const controllers: NvmeControllerInit[] = (await readNvmeDevices())
    .filter((device) => wanted(device.pciAddress))
    .map(kernelControllerMessage);
  const notes: string[] = [];
  if (needsSpdk(host)) {
    try {
      const scan = await scanNvmeBySpdk(selection, options);
      for (const found of scan.controllers) {
        controllers.push(controllerMessage(found));
        for (const problem of found.problems) notes.push(`${found.address}: ${problem}`);
      }
      for (const { address, error } of scan.failed) notes.push(`${address} could not be read: ${error}`);
      const known = new Set(controllers.map((one) => one.pciAddr));
      for (const { address, reason } of scan.missing) if (!known.has(address)) notes.push(reason);
    } catch (error) {
      if (!isFault(error)) throw error;
      notes.push(errorText(error));
      for (const one of host.controllers) {
        if (one.kind !== "nvme" || !isUserSpaceDriver(one.driver) || !wanted(one.address)) continue;
        notes.push(`${one.address} is on ${one.driver}; only SPDK can tell what it is`);
      }
    }
  }
  controllers.sort((left, right) => ((left.pciAddr ?? "") < (right.pciAddr ?? "") ? -1 : 1));
  return { controllers, notes };
}
