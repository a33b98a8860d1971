import { join } from "node:path";
import { listNames, readAttribute, readNumber } from "./sysfs.ts";

/** One PMem namespace with a block device on it. */
export interface PmemNamespace {
  readonly uuid: string;
  /** "pmem0". */
  readonly blockDevice: string;
  /** "namespace0.0". */
  readonly name: string;
  readonly numaNode: number;
  readonly sizeBytes: bigint;
}

/** Namespaces that the kernel's libnvdimm drivers show, by name. */
export async function readPmemNamespaces(sysRoot = "/sys"): Promise<PmemNamespace[]> {
  const root = join(sysRoot, "bus/nd/devices");
  const found: PmemNamespace[] = [];
  for (const name of await listNames(root)) {
    // A namespace in fsdax mode is claimed by a pfn device, which then has the block device.
    if (!/^(namespace|pfn)\d+\.\d+$/.test(name)) continue;
    const folder = join(root, name);
    const blockDevice = (await listNames(join(folder, "block")))[0];
    const sizeBytes = BigInt((await readNumber(join(folder, "size"))) ?? 0);
    if (blockDevice === undefined || sizeBytes === 0n) continue;
    found.push({
      uuid: (await readAttribute(join(folder, "uuid"))) ?? "",
      blockDevice,
      name: (await readAttribute(join(folder, "namespace"))) ?? name,
      numaNode: Math.max(0, (await readNumber(join(folder, "numa_node"))) ?? 0),
      sizeBytes,
    });
  }
  return found;
}

/** Whether the kernel sees PMem modules or the firmware's table of them. */
export async function hasPmem(sysRoot = "/sys"): Promise<boolean> {
  const devices = await listNames(join(sysRoot, "bus/nd/devices"));
  if (devices.some((name) => /^nmem\d+$/.test(name))) return true;
  return (await listNames(join(sysRoot, "firmware/acpi/tables"))).includes("NFIT");
}
