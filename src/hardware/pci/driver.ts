import { faultMissingLibrary } from "../../faults/library.ts";
import type { BindableDriver } from "../../helper/ops/requests.ts";
import type { StorageHost } from "../../helper/pci/host.ts";

/** Drivers that hand a device to a program in user space. */
export type UserSpaceDriver = Extract<BindableDriver, "vfio-pci" | "uio_pci_generic">;

export function isUserSpaceDriver(driver: string | undefined): boolean {
  return driver === "vfio-pci" || driver === "igb_uio" || (driver?.startsWith("uio") ?? false);
}

/** Whether the host could use a module: it is there, can be loaded, or we cannot tell. */
function usable(host: StorageHost, module: string): boolean {
  return host.modules.includes(module) || host.loadable.includes(module) || host.loadable.length === 0;
}

/**
 * vfio-pci where the host has an IOMMU (or allows VFIO without one), else uio_pci_generic, which only root may
 * use and which gives devices all of memory.
 * @throws Fault "dependency" 1 when the kernel has neither.
 */
export function chooseDriver(host: StorageHost, disableVfio: boolean): UserSpaceDriver {
  const vfio = !disableVfio && (host.iommu || host.unsafeNoIommu);
  const driver = vfio ? "vfio-pci" : "uio_pci_generic";
  if (usable(host, driver)) return driver;
  throw faultMissingLibrary(
    `the kernel module ${driver}`,
    vfio
      ? "install the modules of the running kernel"
      : "enable the IOMMU so that vfio-pci can be used, or install the modules of the running kernel (kernel-modules-extra)",
    "neither loaded nor among the modules of the running kernel",
  );
}

/** The kernel's own driver for a controller. */
export function kernelDriver(kind: "nvme" | "vmd"): BindableDriver {
  return kind;
}
