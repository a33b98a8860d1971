import { FaultCode } from "./codes.ts";
import { Fault } from "./fault.ts";

/** Faults of NVMe access through SPDK. */

/** A function of SPDK said no. @param reason its result, in words where there are any. */
export function faultSpdk(call: string, reason: string, resolution = ""): Fault {
  return new Fault("spdk", FaultCode.SpdkBindingFailed, `failed spdk call ${call}`, resolution, reason);
}

export function faultSpdkNull(call: string): Fault {
  return new Fault("spdk", FaultCode.SpdkBindingRetNull, `spdk call ${call} unexpectedly returned NULL`);
}

/** There is no way to give SPDK memory for the devices it is to drive. */
export function faultSpdkMemory(reason: string): Fault {
  return new Fault(
    "spdk",
    FaultCode.SpdkBindingFailed,
    "no memory for user-space NVMe access",
    "run 'daos_server nvme prepare' to allocate huge pages, or free those that are in use",
    reason,
  );
}

/** @param addresses those that were asked for and are not there. */
export function faultBdevNotFound(addresses: readonly string[], reason: string, vmd = false): Fault {
  const what = vmd ? "backing devices for VMDs" : addresses.length === 1 ? "NVMe SSD" : "NVMe SSDs";
  return new Fault(
    "storage",
    FaultCode.BdevNotFound,
    `${what} [${addresses.join(" ")}] not found`,
    `check ${what} [${addresses.join(" ")}] that are specified in server config exist and are prepared ` +
      "('daos_server nvme prepare')",
    reason,
  );
}

export function faultNonRootVfioDisable(): Fault {
  return new Fault(
    "storage",
    FaultCode.BdevNonRootVFIODisable,
    "VFIO can not be disabled if running as non-root user",
    "run daos_server as root or do not disable VFIO when invoking the command",
  );
}

export function faultNoIommu(): Fault {
  return new Fault(
    "storage",
    FaultCode.BdevNoIOMMU,
    "IOMMU capability is required to access NVMe devices but no IOMMU capability detected",
    "enable IOMMU per the DAOS Admin Guide (VT-d or AMD-Vi in the BIOS, 'intel_iommu=on' or 'amd_iommu=on' for the kernel)",
  );
}
