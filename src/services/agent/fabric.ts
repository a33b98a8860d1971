import type { Logger } from "../../log/logger.ts";

/** A network interface that clients of this node may use. */
export interface FabricDevice {
  readonly name: string;
  /** libfabric's domain where it has another name than the interface, else "". */
  readonly domain: string;
  readonly numaNode: number;
  /** ARPHRD_… number; undefined: named by the configuration, taken as fitting whatever is asked. */
  readonly deviceClass: number | undefined;
  readonly providers: ReadonlySet<string>;
}

export interface FabricWish {
  readonly numaNode: number;
  readonly deviceClass: number;
  /** As the server names it, "ofi+tcp" or "ofi+verbs,ofi_rxm". */
  readonly provider: string;
}

/** Names in the log for the kinds of interface there are. */
const CLASS_NAMES: Readonly<Record<number, string>> = {
  1: "ETHER",
  32: "INFINIBAND",
  256: "SLIP",
  772: "LOOPBACK",
};

export function deviceClassName(deviceClass: number): string {
  return CLASS_NAMES[deviceClass] ?? `UNKNOWN (0x${deviceClass.toString(16)})`;
}

/** True when the interface carries every provider of `provider` ("lib+a,b" means both a and b of lib). */
export function carries(device: FabricDevice, provider: string): boolean {
  const plus = provider.indexOf("+");
  const library = provider.slice(0, plus + 1);
  return provider
    .slice(plus + 1)
    .split(",")
    .every((name) => device.providers.has(library + name));
}

/** Hands out the interfaces of a node in turn, so that its clients spread over them. */
export interface Fabric {
  /**
   * The next interface on the wished NUMA node, else on any other.
   * @throws Error when none fits
   */
  select(wish: FabricWish): FabricDevice;
  /** Interfaces of a name, and of a domain unless that is "". */
  find(name: string, domain: string): FabricDevice[];
}

export interface FabricOptions {
  readonly devices: readonly FabricDevice[];
  /** Names never handed out. */
  readonly excluded: ReadonlySet<string>;
  /** An interface can be used now: it is there and has an address. */
  readonly usable: (name: string) => boolean;
  readonly log: Logger;
}

export function createFabric({ devices, excluded, usable, log }: FabricOptions): Fabric {
  const nodes = [...new Set(devices.map((device) => device.numaNode))].sort((a, b) => a - b);
  /** Position in `devices of a node` and in `nodes` of the next one to try. */
  const nextDevice = new Map<number, number>();
  let currentNode = 0;
  if (devices.length === 0) log.notice("no network devices detected in fabric scan");

  function fits(device: FabricDevice, wish: FabricWish): boolean {
    if (excluded.has(device.name)) return false;
    if (device.deviceClass !== undefined) {
      if (device.deviceClass !== wish.deviceClass || !carries(device, wish.provider)) return false;
    }
    if (usable(device.name)) return true;
    log.notice(`device ${device.name}: excluded (no IP address)`);
    return false;
  }

  function selectOn(node: number, wish: FabricWish): FabricDevice | undefined {
    const local = devices.filter((device) => device.numaNode === node);
    for (let tried = 0; tried < local.length; tried++) {
      const index = (nextDevice.get(node) ?? 0) % local.length;
      nextDevice.set(node, index + 1);
      const device = local[index]!;
      if (fits(device, wish)) return device;
    }
    return undefined;
  }

  return {
    select(wish) {
      const local = selectOn(wish.numaNode, wish);
      if (local !== undefined) return local;
      for (let tried = 0; tried < nodes.length; tried++) {
        currentNode = (currentNode + 1) % nodes.length;
        const device = selectOn(nodes[currentNode]!, wish);
        if (device !== undefined) return device;
      }
      throw new Error(`no suitable fabric interface found of type "${deviceClassName(wish.deviceClass)}"`);
    },
    find(name, domain) {
      const named = devices.filter((device) => device.name === name);
      if (domain === "") return named;
      return named.filter((device) => (device.domain === "" ? device.name : device.domain) === domain);
    },
  };
}
