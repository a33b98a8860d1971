/**
 * A server configuration made from what was found on hosts: engines are placed on NUMA nodes that have
 * memory tier, SSDs and a fabric interface, and share cores between targets and helpers (2.6: config generate).
 */
import { Fault } from "../faults/fault.ts";
import type { Logger } from "../log/logger.ts";
import { isAddressProblem, parseAddress } from "./addresses.ts";
import { defaultServerConfig } from "./defaults.ts";
import { type EnginePlacement, generateEngine } from "./generate-engine.ts";
import { chooseNodes } from "./generate-nodes.ts";
import { settleHugepages, settleRamdiskSize } from "./memory.ts";
import { comparePciAddresses, parsePciAddress } from "./pci.ts";
import type { MemoryFacts, ServerConfig } from "./types.ts";
import { validateServerConfig } from "./validate.ts";

/** ARPHRD numbers of the two classes of network devices that carry a fabric (linux/if_arp.h). */
export const netDevClass = { ethernet: 1, infiniband: 32 } as const;
export type NetClass = keyof typeof netDevClass;

export interface GenerateRequest {
  /** 0: one for each NUMA node. */
  readonly engineCount: number;
  readonly netClass: NetClass;
  /** "": the provider with the best interfaces. */
  readonly netProvider: string;
  /** No NVMe. */
  readonly scmOnly: boolean;
  /** "host" or "host:port"; ports must agree. */
  readonly accessPoints: readonly string[];
  /** One an engine; none: 31416, 32416, … */
  readonly fabricPorts: readonly number[];
  /** The memory tier is a tmpfs, not PMem. */
  readonly tmpfsScm: boolean;
  /** Set: metadata on SSD, the control plane's own at this path; "": not. */
  readonly controlMetadataPath: string;
}

export interface FoundInterface {
  readonly provider: string;
  readonly device: string;
  readonly numaNode: number;
  /** Lower is better. */
  readonly priority: number;
  readonly netDevClass: number;
}

/** What hosts have, all alike. */
export interface FoundHardware {
  readonly numaCount: number;
  readonly coresPerNuma: number;
  readonly interfaces: readonly FoundInterface[];
  readonly pmem: readonly { readonly blockDevice: string; readonly numaNode: number }[];
  readonly ssds: readonly { readonly pciAddress: string; readonly numaNode: number }[];
  readonly memory: MemoryFacts;
}

/** Devices by NUMA node, the nodes rising. */
export interface NodeDevices {
  readonly pmem: Map<number, string[]>;
  readonly ssds: Map<number, string[]>;
}

const controlLogFile = "/tmp/daos_server.log";

/** @throws Error saying what is missing; Fault 511 when VMD devices cannot be shared out evenly */
export function generateServerConfig(
  request: GenerateRequest,
  found: FoundHardware,
  log: Logger,
): ServerConfig {
  if (request.accessPoints.length === 0) throw new Error("no access points specified");
  const devices = devicesByNode(request, found);
  const engineCount = request.engineCount === 0 ? found.numaCount : request.engineCount;
  if (engineCount === 0) throw new Error("zero numa nodes reported on hosts");
  const nodes = chooseNodes({ ...request, engineCount }, found.interfaces, devices);
  if (!request.scmOnly) balanceSsds(devices.ssds);
  const config = defaultServerConfig();
  const threads = threadCounts(found.coresPerNuma, devices.ssds.get(nodes[0]!.numaNode)?.length ?? 0);
  checkFabricPorts(request, nodes.length);
  config.engines = nodes.map((node, index): ServerConfig["engines"][number] => {
    const placement: EnginePlacement = {
      index,
      numaNode: node.numaNode,
      iface: node.iface,
      pmem: devices.pmem.get(node.numaNode) ?? [],
      ssds: devices.ssds.get(node.numaNode) ?? [],
    };
    return generateEngine(request, placement, threads);
  });
  config.provider = nodes[0]!.iface.provider;
  config.accessPoints = [...request.accessPoints];
  config.controlLogFile = controlLogFile;
  if (config.engines[0]!.storage.some((tier) => "bdevRoles" in tier && tier.bdevRoles.includes("meta"))) {
    config.controlMetadata = { path: request.controlMetadataPath };
  }
  const port = commonPort(request.accessPoints);
  if (port !== undefined) config.port = port;
  const valid = validateServerConfig(config, log, {});
  settleHugepages(valid, found.memory, log);
  settleRamdiskSize(valid, found.memory, log);
  return valid;
}

function devicesByNode(request: GenerateRequest, found: FoundHardware): NodeDevices {
  if (found.memory.hugepageSizeKib === 0) throw new Error("requires nonzero HugepageSizeKiB");
  const ssds = grouped(found.ssds.map(({ numaNode, pciAddress }) => [numaNode, pciAddress]));
  for (const [node, addresses] of ssds) ssds.set(node, sortedAddresses(addresses));
  if (!request.tmpfsScm) {
    const pmem = grouped(found.pmem.map(({ numaNode, blockDevice }) => [numaNode, `/dev/${blockDevice}`]));
    for (const paths of pmem.values()) paths.sort();
    return { pmem, ssds };
  }
  if (found.numaCount <= 0) throw new Error("requires nonzero numaCount");
  if (found.memory.memTotalKib === 0) throw new Error("requires nonzero MemTotalKiB");
  // Memory is everywhere: one tier on each node, of no device.
  const pmem = new Map(
    Array.from({ length: found.numaCount }, (_, node): [number, string[]] => [node, [""]]),
  );
  return { pmem, ssds };
}

function grouped(pairs: readonly (readonly [number, string])[]): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const [node, device] of [...pairs].sort(([left], [right]) => left - right)) {
    groups.set(node, [...(groups.get(node) ?? []), device]);
  }
  return groups;
}

function sortedAddresses(addresses: readonly string[]): string[] {
  const parsed = addresses.map((text) => {
    const address = parsePciAddress(text);
    if (address === undefined) {
      throw new Error(`mapping ssd addresses to numa node: unable to parse "${text}"`);
    }
    return { text, address };
  });
  return parsed
    .sort((left, right) => comparePciAddresses(left.address, right.address))
    .map(({ text }) => text);
}

/** The same number of SSDs for every engine: that of the node with the fewest. */
function balanceSsds(ssds: Map<number, string[]>): void {
  const fewest = Math.min(...[...ssds.values()].map((addresses) => addresses.length));
  for (const [node, addresses] of ssds) {
    if (addresses.length <= fewest) continue;
    // What is behind a VMD comes as a whole.
    if (addresses.some(isBehindVmd)) throw vmdImbalance();
    ssds.set(node, addresses.slice(0, fewest));
  }
}

/** A device behind a VMD carries the VMD's own address in its domain. */
export function isBehindVmd(address: string): boolean {
  return (parsePciAddress(address)?.domain ?? 0) > 0xffff;
}

function vmdImbalance(): Fault {
  return new Fault(
    "client",
    511,
    "different number of backing devices behind each engine's VMD addresses",
    "assign an equal number of NVMe SSDs to each VMD when configuring in BIOS",
  );
}

export interface ThreadCounts {
  readonly targets: number;
  readonly helpers: number;
}

const coresForSystem = 2;
const targetShare = 0.8;
const defaultTargets = 16;

/** Four fifths of an engine's spare cores become targets, as many on each SSD; a quarter of them helpers. */
export function threadCounts(coresPerNuma: number, ssdsPerEngine: number): ThreadCounts {
  if (coresPerNuma < coresForSystem) {
    throw new Error(`invalid number of cores-per-numa, want at least 2 got ${coresPerNuma}`);
  }
  const cores = coresPerNuma - coresForSystem;
  if (ssdsPerEngine === 0) return { targets: Math.min(defaultTargets, cores), helpers: 0 };
  const targetsPerSsd = Math.floor((cores * targetShare) / ssdsPerEngine);
  if (targetsPerSsd === 0) return { targets: Math.min(ssdsPerEngine, cores), helpers: 0 };
  const targets = ssdsPerEngine * targetsPerSsd;
  return { targets, helpers: Math.floor(targets / 4) };
}

function checkFabricPorts({ fabricPorts }: GenerateRequest, engineCount: number): void {
  if (fabricPorts.length > 0 && fabricPorts.length < engineCount) {
    throw new Error(
      `insufficient fabric ports for nr engines, want ${engineCount} got ${fabricPorts.length}`,
    );
  }
}

/** The port all access points name; undefined when none does. @throws Error when they differ */
function commonPort(accessPoints: readonly string[]): number | undefined {
  const ports = accessPoints.map((address) => {
    const parsed = parseAddress(address);
    if (isAddressProblem(parsed)) throw new Error(`access point "${address}": ${parsed.detail}`);
    return parsed.port;
  });
  if (new Set(ports).size > 1) throw new Error("access point port numbers do not match");
  return ports[0];
}
