import { NetDevClass, type NetDevice } from "./netdev.ts";

/**
 * Fabric interfaces without libfabric. What libfabric's socket providers would offer is every interface
 * with an address; what its verbs provider would offer is every interface with an RDMA device. Providers
 * that need more than sysfs to be judged (cxi, opx, ucx transports) are offered only where the
 * configuration names them, on the interfaces of their kind.
 */
export interface FabricInterface {
  readonly provider: string;
  /** Interface name of the operating system. */
  readonly device: string;
  /** libfabric's domain: the interface for socket providers, the RDMA device for verbs. */
  readonly domain: string;
  readonly numaNode: number;
  readonly deviceClass: number;
  /** Position of the provider in the order of preference, from 0. */
  readonly priority: number;
}

/** Providers looked for when a scan asks for all, in order of preference. */
const ALL_PROVIDERS = ["ofi+verbs;ofi_rxm", "ofi+tcp;ofi_rxm", "ofi+tcp", "ofi+sockets"] as const;

/** The completed name 2.6 uses for a configured provider: verbs always runs over rxm. */
export function completeProvider(provider: string): string {
  return provider === "ofi+verbs" ? "ofi+verbs;ofi_rxm" : provider;
}

/** "ofi+tcp, ofi+verbs" -> both; blanks and empty entries are dropped. */
export function splitProviders(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function isSocketProvider(provider: string): boolean {
  return /^ofi\+(tcp|sockets|udp)(;|$)/.test(provider) || /^ucx\+tcp/.test(provider);
}

/** The domain of `device` for `provider`, or undefined when the device cannot carry that provider. */
export function domainOf(device: NetDevice, provider: string): string | undefined {
  if (isSocketProvider(provider)) return device.name;
  const rdma = device.rdmaDevices[0];
  if (rdma !== undefined) return provider.startsWith("ucx+") ? `${rdma}:1` : rdma;
  // cxi and the like have no folder we know of: the interface's own name is what they are called by.
  return provider.includes("verbs") || provider.startsWith("ucx+") ? undefined : device.name;
}

/** Every pair of interface and provider, by interface name, then preference. Loopback is left out as in 2.6. */
export function scanFabric(devices: readonly NetDevice[], providers: readonly string[]): FabricInterface[] {
  const wanted = providers.length === 0 ? ALL_PROVIDERS : providers;
  const found: FabricInterface[] = [];
  for (const device of devices) {
    if (device.deviceClass === NetDevClass.loopback || !device.hasAddress) continue;
    for (const [priority, provider] of wanted.entries()) {
      const domain = domainOf(device, provider);
      if (domain === undefined) continue;
      const { name, numaNode, deviceClass } = device;
      found.push({ provider, device: name, domain, numaNode, deviceClass, priority });
    }
  }
  return found;
}
