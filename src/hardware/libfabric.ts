import { realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { isFault } from "../faults/fault.ts";
import { askHelper } from "../helper/ask.ts";
import type { HelperOptions } from "../helper/client.ts";
import { completeProvider, type FabricInterface, scanFabric } from "./fabric.ts";
import { NetDevClass, type NetDevice } from "./netdev.ts";
import { listNames } from "./sysfs.ts";

const offersSchema = z.object({
  version: z.string(),
  offers: z.array(
    z.object({
      provider: z.string(),
      domain: z.string(),
      pciAddress: z.string().optional(),
      driver: z.string().optional(),
    }),
  ),
});
export type FabricOffers = z.output<typeof offersSchema>;

/** libfabric's providers that DAOS's network layer (Mercury) can use. */
const MERCURY_PROVIDERS = [
  "verbs;ofi_rxm",
  "cxi",
  "opx",
  "psm2",
  "psm3",
  "tcp;ofi_rxm",
  "tcp",
  "sockets",
] as const;

/** What a scan of the host's fabric gave. */
export interface FabricScan {
  /** By interface name, then preference. */
  readonly interfaces: readonly FabricInterface[];
  /** Who told: "libfabric 1.17", or "sysfs" when libfabric could not be asked. */
  readonly source: string;
  /** Why libfabric could not be asked, for the log. */
  readonly note?: string;
}

/** PCI address of the device behind each network interface, where there is one. */
export async function netDevicePciAddresses(sysRoot = "/sys"): Promise<Map<string, string>> {
  const addresses = new Map<string, string>();
  for (const name of await listNames(join(sysRoot, "class/net"))) {
    try {
      const device = basename(await realpath(join(sysRoot, "class/net", name, "device")));
      if (/^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(device)) addresses.set(name, device);
    } catch {
      // a virtual interface has no device
    }
  }
  return addresses;
}

/** The network interfaces that a domain of libfabric is reached through. */
function devicesOfDomain(
  offer: FabricOffers["offers"][number],
  devices: readonly NetDevice[],
  pciAddresses: ReadonlyMap<string, string>,
): NetDevice[] {
  const byName = devices.filter((device) => device.name === offer.domain);
  if (byName.length > 0) return byName;
  // "mlx5_0" is an RDMA device, "mlx5_0-dgram" one mode of it.
  const byRdma = devices.filter((device) =>
    device.rdmaDevices.some((rdma) => offer.domain === rdma || offer.domain.startsWith(`${rdma}-`)),
  );
  if (byRdma.length > 0) return byRdma;
  if (offer.pciAddress === undefined) return [];
  return devices.filter((device) => pciAddresses.get(device.name) === offer.pciAddress);
}

/**
 * Puts libfabric's offers and the kernel's network interfaces together as 2.6 does: a line for each interface
 * and provider, loopback left out, interfaces by name, providers in the order libfabric prefers them.
 * @param providers names to keep, as configured ("ofi+tcp"); empty: all.
 */
export function mergeOffers(
  { offers }: Pick<FabricOffers, "offers">,
  devices: readonly NetDevice[],
  pciAddresses: ReadonlyMap<string, string>,
  providers: readonly string[],
): FabricInterface[] {
  const wanted = providers.map(completeProvider);
  const preference: string[] = [...wanted];
  const found: FabricInterface[] = [];
  for (const offer of offers) {
    const provider = `ofi+${offer.provider}`;
    const known = (MERCURY_PROVIDERS as readonly string[]).includes(offer.provider);
    if (wanted.length > 0 ? !wanted.includes(provider) : !known) continue;
    for (const device of devicesOfDomain(offer, devices, pciAddresses)) {
      if (device.deviceClass === NetDevClass.loopback) continue;
      if (!preference.includes(provider)) preference.push(provider);
      const { name, numaNode, deviceClass } = device;
      const priority = preference.indexOf(provider);
      if (found.some((other) => other.provider === provider && other.device === name)) continue;
      found.push({ provider, device: name, domain: offer.domain, numaNode, deviceClass, priority });
    }
  }
  return found.sort((left, right) =>
    left.device === right.device ? left.priority - right.priority : left.device < right.device ? -1 : 1,
  );
}

/**
 * Interfaces that can carry the wanted providers: by libfabric where it is installed, else by what sysfs knows
 * (`note` says why then). Providers of UCX are always judged by sysfs.
 */
export async function scanHostFabric(
  devices: readonly NetDevice[],
  providers: readonly string[],
  options: HelperOptions & { sysRoot?: string } = {},
): Promise<FabricScan> {
  const ucx = providers.filter((provider) => provider.startsWith("ucx+"));
  const ofi = providers.filter((provider) => !provider.startsWith("ucx+"));
  if (providers.length > 0 && ofi.length === 0) {
    return {
      interfaces: scanFabric(devices, ucx),
      source: "sysfs",
      note: "UCX providers are judged by sysfs",
    };
  }
  try {
    const offers = await askHelper({ op: "fabric-scan" }, offersSchema, options);
    const pciAddresses = await netDevicePciAddresses(options.sysRoot);
    const interfaces = mergeOffers(offers, devices, pciAddresses, ofi);
    if (ucx.length > 0) interfaces.push(...scanFabric(devices, ucx));
    return { interfaces, source: `libfabric ${offers.version}` };
  } catch (error) {
    if (!isFault(error)) throw error;
    return { interfaces: scanFabric(devices, providers), source: "sysfs", note: error.message };
  }
}
