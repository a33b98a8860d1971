import { networkInterfaces } from "node:os";
import type { AgentFabricConfig } from "../../config/types.ts";
import { domainOf, type FabricInterface } from "../../hardware/fabric.ts";
import { NetDevClass, type NetDevice, readNetDevices } from "../../hardware/netdev.ts";
import type { Logger } from "../../log/logger.ts";
import { createFabric, type Fabric, type FabricDevice } from "./fabric.ts";
import { awaitFabricReady } from "./fabric-ready.ts";

export interface FabricSource {
  /**
   * The node's interfaces with what they carry of `providers`, from the cache if these were looked for before. Waits
   * for interfaces of the kind `deviceClass` (ARPHRD_…) that are coming up.
   */
  get(providers: readonly string[], deviceClass: number): Promise<Fabric>;
  /** As get, if nothing has to be waited for. */
  peek(providers: readonly string[]): Fabric | undefined;
  /** Looks again for what was looked for before. */
  refresh(): Promise<void>;
}

export interface FabricSourceOptions {
  /** Interfaces of the configuration: with any, nothing is scanned. */
  readonly configured: readonly AgentFabricConfig[];
  readonly excluded: readonly string[];
  /** Scan every time. */
  readonly disabled: boolean;
  /** Aborted when the agent stops. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

interface Kept {
  readonly providers: readonly string[];
  readonly deviceClass: number;
  readonly scan: Promise<Fabric>;
  /** What the scan found, when it is over. */
  found?: Fabric;
}

/** Addresses of interfaces are looked at that seldom. */
const ADDRESS_AGE_MS = 5_000;
/** Sets of providers kept; a system has one, or a few. */
const MAX_KEPT = 16;

export function createFabricSource(options: FabricSourceOptions): FabricSource {
  const { configured, disabled, log, signal } = options;
  const excluded = new Set(options.excluded);
  const usable = addressCheck();
  const make = (devices: readonly FabricDevice[]) => createFabric({ devices, excluded, usable, log });
  const fixed = configured.length > 0 ? make(configuredDevices(configured)) : undefined;
  const kept = new Map<string, Kept>();

  async function scan(providers: readonly string[], deviceClass: number): Promise<Fabric> {
    await awaitFabricReady(await readNetDevices(), deviceClass, { log, signal });
    return make(await scanDevices(providers, log));
  }

  function scanKept(providers: readonly string[], deviceClass: number): Promise<Fabric> {
    const key = providers.join(" ");
    const known = kept.get(key);
    if (known !== undefined) return known.scan;
    const entry: Kept = { providers, deviceClass, scan: scan(providers, deviceClass) };
    if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value!);
    kept.set(key, entry);
    entry.scan.then(
      (fabric) => {
        entry.found = fabric;
      },
      () => {
        if (kept.get(key) === entry) kept.delete(key);
      },
    );
    return entry.scan;
  }

  return {
    peek(providers) {
      if (disabled) return undefined;
      return fixed ?? kept.get(providers.join(" "))?.found;
    },
    get(providers, deviceClass) {
      if (disabled) return scan(providers, deviceClass);
      return fixed !== undefined ? Promise.resolve(fixed) : scanKept(providers, deviceClass);
    },
    async refresh() {
      const sets = [...kept.values()];
      kept.clear();
      await Promise.all(sets.map(({ providers, deviceClass }) => scanKept(providers, deviceClass)));
    },
  };
}

function configuredDevices(configured: readonly AgentFabricConfig[]): FabricDevice[] {
  return configured.flatMap(({ numaNode, devices }) =>
    devices.map(({ iface, domain = "" }) => ({
      name: iface,
      domain,
      numaNode,
      deviceClass: undefined,
      providers: new Set<string>(),
    })),
  );
}

async function scanDevices(providers: readonly string[], log: Logger): Promise<FabricDevice[]> {
  const [devices, { scanHostFabric }] = await Promise.all([
    readNetDevices(),
    // Wanted once, so not loaded at start.
    import("../../hardware/libfabric.ts"),
  ]);
  const { interfaces, note } = await scanHostFabric(devices, providers);
  if (note !== undefined) log.debug(`fabric scan without libfabric: ${note}`);
  return groupByDevice([...interfaces, ...loopbackInterfaces(devices, providers)]);
}

/** Scans leave loopback out, as 2.6; a system that runs on loopback alone still has to be reached. */
function loopbackInterfaces(devices: readonly NetDevice[], providers: readonly string[]): FabricInterface[] {
  return devices
    .filter((device) => device.deviceClass === NetDevClass.loopback)
    .flatMap((device) =>
      providers.flatMap((provider, priority) => {
        const domain = domainOf(device, provider);
        const { name, numaNode, deviceClass } = device;
        return domain === undefined
          ? []
          : [{ provider, device: name, domain, numaNode, deviceClass, priority }];
      }),
    );
}

/** One device for each pair of interface and domain, with all its providers. */
export function groupByDevice(interfaces: readonly FabricInterface[]): FabricDevice[] {
  const devices = new Map<string, FabricDevice & { providers: Set<string> }>();
  for (const { provider, device, domain, numaNode, deviceClass } of interfaces) {
    const key = `${domain} ${device}`;
    const known = devices.get(key);
    if (known !== undefined) {
      known.providers.add(provider);
      continue;
    }
    const own = domain === device ? "" : domain;
    devices.set(key, { name: device, domain: own, numaNode, deviceClass, providers: new Set([provider]) });
  }
  return [...devices].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, device]) => device);
}

/** Whether an interface exists and has an address, by what the kernel said some seconds ago at most. */
function addressCheck(): (name: string) => boolean {
  let addressed = new Set<string>();
  let readAt = Number.NEGATIVE_INFINITY;
  return (name) => {
    const now = performance.now();
    if (now - readAt > ADDRESS_AGE_MS || !addressed.has(name)) {
      addressed = new Set(
        Object.entries(networkInterfaces()).flatMap(([key, list]) => (list?.length ? [key] : [])),
      );
      readAt = now;
    }
    return addressed.has(name);
  };
}
