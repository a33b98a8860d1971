import { isPciAddress, type StorageController } from "../../helper/pci/devices.ts";
import type { StorageHost } from "../../helper/pci/host.ts";
import { vmdOfBacking } from "../../helper/pci/vmd.ts";

/** Lists of PCI addresses that say which controllers are meant. */
export interface AddressLists {
  /** Empty: all. */
  readonly allow: readonly string[];
  /** Never these; stronger than `allow`. */
  readonly block: readonly string[];
}

/**
 * "0000:17:00.0,0000:18:00.0" (blanks do as well) as addresses in full and lower case, each once.
 * @throws Error naming what is no address.
 */
export function parseAddressList(text: string): string[] {
  const parts = text.split(/[\s,]+/).filter((part) => part !== "");
  const addresses = parts.map((part) => {
    const lower = part.toLowerCase();
    const full = /^[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(lower) ? `0000:${lower}` : lower;
    if (!isPciAddress(full)) throw new Error(`invalid PCI address "${part}"`);
    return full;
  });
  return [...new Set(addresses)];
}

/** Whether a list names a controller: by its address, or a VMD by that of something behind it. */
export function isListed(list: readonly string[], controller: StorageController, host: StorageHost): boolean {
  if (list.includes(controller.address)) return true;
  if (controller.kind !== "vmd") return false;
  return list.some(
    (address) =>
      vmdOfBacking(address) === controller.address ||
      host.controllers.some((one) => one.address === address && one.behindVmd === controller.address),
  );
}

/** Addresses of the allow list that stand for nothing on this host. */
export function absentAddresses(host: StorageHost, { allow }: AddressLists): string[] {
  return allow.filter(
    (address) =>
      !host.controllers.some(
        (one) => one.address === address || (one.kind === "vmd" && one.address === vmdOfBacking(address)),
      ),
  );
}
