import { join } from "node:path";
import { listNames, parseCpuList, readAttribute, readNumber } from "./sysfs.ts";

/** One NUMA node: its CPUs, and how many physical cores they make. */
export interface NumaNode {
  readonly id: number;
  readonly cpus: readonly number[];
  readonly cores: number;
}

export interface Topology {
  /** Sorted by id; never empty: a kernel without NUMA is one node with every CPU. */
  readonly nodes: readonly NumaNode[];
}

/** Hyper-threads of one core share package and core number. */
async function countCores(sysRoot: string, cpus: readonly number[]): Promise<number> {
  const keys = await Promise.all(
    cpus.map(async (cpu) => {
      const folder = join(sysRoot, "devices/system/cpu", `cpu${cpu}`, "topology");
      const [socket, core] = await Promise.all([
        readAttribute(join(folder, "physical_package_id")),
        readAttribute(join(folder, "core_id")),
      ]);
      // A CPU that is offline has no topology and counts for nothing.
      return socket === undefined || core === undefined ? undefined : `${socket}:${core}`;
    }),
  );
  return new Set(keys.filter((key) => key !== undefined)).size;
}

/** Reads NUMA nodes and cores. @param sysRoot another root than /sys, for tests. */
export async function readTopology(sysRoot = "/sys"): Promise<Topology> {
  const nodeRoot = join(sysRoot, "devices/system/node");
  const names = (await listNames(nodeRoot)).filter((name) => /^node\d+$/.test(name));
  const nodes = await Promise.all(
    names.map(async (name): Promise<NumaNode> => {
      const cpus = parseCpuList((await readAttribute(join(nodeRoot, name, "cpulist"))) ?? "");
      return { id: Number(name.slice(4)), cpus, cores: await countCores(sysRoot, cpus) };
    }),
  );
  if (nodes.length === 0) {
    const cpus = parseCpuList((await readAttribute(join(sysRoot, "devices/system/cpu/online"))) ?? "0");
    nodes.push({ id: 0, cpus, cores: Math.max(1, await countCores(sysRoot, cpus)) });
  }
  return { nodes: nodes.sort((left, right) => left.id - right.id) };
}

/** Cores of a node, as `dmg network scan` shows it: 2.6 takes the first node that has any. */
export function coresPerNuma(topology: Topology): number {
  return topology.nodes.find((node) => node.cores > 0)?.cores ?? 0;
}

/**
 * Lowest and highest PCI bus number of the devices of a NUMA node: the range that hot plug is limited to
 * when the configuration names none.
 */
export async function readPciBusRange(
  numaNode: number,
  sysRoot = "/sys",
): Promise<{ begin: number; end: number } | undefined> {
  const root = join(sysRoot, "bus/pci/devices");
  const buses: number[] = [];
  for (const address of await listNames(root)) {
    // A device of a machine without NUMA says -1.
    const node = Math.max(0, (await readNumber(join(root, address, "numa_node"))) ?? 0);
    const bus = /^[0-9a-f]{4,8}:([0-9a-f]{2}):/.exec(address)?.[1];
    if (node === numaNode && bus !== undefined) buses.push(Number.parseInt(bus, 16));
  }
  if (buses.length === 0) return undefined;
  return { begin: Math.min(...buses), end: Math.max(...buses) };
}
