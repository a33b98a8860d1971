import { errorText, isFault } from "../../faults/fault.ts";
import { parseAddressList } from "../../hardware/pci/select.ts";
import type { HelperOptions } from "../../helper/client.ts";
import { readStorageHost } from "../../helper/pci/host.ts";
import { backingDomain, vmdOfBacking } from "../../helper/pci/vmd.ts";
import { faultBdevFormat } from "../faults.ts";
import { formatNvmeBySpdk, type NvmeFormatResult, scanNvmeBySpdk } from "../nvme-host.ts";

/** Whether VMDs are among the devices of a list, by their own address or that of what is behind them. */
export async function listsVmd(bdevList: readonly string[]): Promise<boolean> {
  const addresses = parseAddressList(bdevList.join(" "));
  if (addresses.some((address) => vmdOfBacking(address) !== undefined)) return true;
  const { controllers } = await readStorageHost();
  return controllers.some((one) => one.kind === "vmd" && addresses.includes(one.address));
}

/**
 * Wipes the NVMe devices of a tier, all of them in one run of SPDK. Each device that is listed has a result, or
 * each drive behind a VMD that is listed; what keeps SPDK from starting is the error of all.
 */
export async function formatNvmeDevices(
  bdevList: readonly string[],
  options: HelperOptions = {},
): Promise<NvmeFormatResult[]> {
  const allow = parseAddressList(bdevList.join(" "));
  if (allow.length === 0) return [];
  try {
    return await formatNvmeBySpdk({ allow, vmd: await listsVmd(allow) }, options);
  } catch (error) {
    const reason = isFault(error) ? error.message : errorText(error);
    return allow.map((device) => ({ device, error: faultBdevFormat(device, reason) }));
  }
}

/**
 * The list with each VMD replaced by the drives behind it, which is what engines are told (daos_nvme.conf).
 * Drives that are listed stay as they are.
 */
export async function substituteVmd(
  bdevList: readonly string[],
  options: HelperOptions = {},
): Promise<string[]> {
  const addresses = parseAddressList(bdevList.join(" "));
  if (!(await listsVmd(addresses))) return addresses;
  const { controllers } = await scanNvmeBySpdk({ allow: addresses, vmd: true, health: false }, options);
  return replaceVmd(
    addresses,
    controllers.map((one) => one.address),
  );
}

/** Exported for tests. */
export function replaceVmd(list: readonly string[], found: readonly string[]): string[] {
  return list.flatMap((address) => {
    const behind = found.filter((one) => one.split(":")[0] === backingDomain(address));
    return behind.length > 0 ? behind : [address];
  });
}
