import { join } from "node:path";
import { listNames, readAttribute, readNumber } from "./sysfs.ts";

/** One NVMe controller that the kernel drives. */
export interface NvmeDevice {
  readonly pciAddress: string;
  readonly model: string;
  readonly serial: string;
  readonly firmwareRevision: string;
  readonly numaNode: number;
  readonly vendorId: string;
  readonly namespaces: readonly { readonly id: number; readonly sizeBytes: bigint }[];
}

const SECTOR_BYTES = 512n; // /sys/block/…/size counts these whatever the device's own block size

async function readNamespaces(folder: string): Promise<NvmeDevice["namespaces"]> {
  const names = (await listNames(folder)).filter((name) => /^nvme\d+(c\d+)?n\d+$/.test(name));
  return Promise.all(
    names.map(async (name) => ({
      id: Number(/n(\d+)$/.exec(name)?.[1] ?? 1),
      sizeBytes: BigInt((await readNumber(join(folder, name, "size"))) ?? 0) * SECTOR_BYTES,
    })),
  );
}

/**
 * PCIe NVMe controllers by address, as far as the kernel's own driver shows them. One that was handed to a
 * user-space driver is not among them.
 */
export async function readNvmeDevices(sysRoot = "/sys"): Promise<NvmeDevice[]> {
  const root = join(sysRoot, "class/nvme");
  const devices = await Promise.all(
    (await listNames(root)).map(async (name): Promise<NvmeDevice | undefined> => {
      const folder = join(root, name);
      const pciAddress = await readAttribute(join(folder, "address"));
      // Fabrics controllers have an address of another kind ("traddr=…").
      if (pciAddress === undefined || !/^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.\d$/.test(pciAddress)) return;
      const [model, serial, firmwareRevision, numaNode, vendorId, namespaces] = await Promise.all([
        readAttribute(join(folder, "model")),
        readAttribute(join(folder, "serial")),
        readAttribute(join(folder, "firmware_rev")),
        readNumber(join(folder, "device/numa_node")),
        readAttribute(join(folder, "device/vendor")),
        readNamespaces(folder),
      ]);
      return {
        pciAddress,
        model: model ?? "",
        serial: serial ?? "",
        firmwareRevision: firmwareRevision ?? "",
        numaNode: Math.max(0, numaNode ?? 0),
        vendorId: vendorId ?? "",
        namespaces,
      };
    }),
  );
  return devices
    .filter((device) => device !== undefined)
    .sort((left, right) => (left.pciAddress < right.pciAddress ? -1 : 1));
}
