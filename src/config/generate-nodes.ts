/** Which NUMA nodes get an engine, and which interface each of them uses. */
import { type FoundInterface, type GenerateRequest, type NodeDevices, netDevClass } from "./generate.ts";

/** SSDs a node must have, unless NVMe is not wanted. */
const minSsds = 1;

export interface ChosenNode {
  readonly numaNode: number;
  readonly iface: FoundInterface;
}

/** The best interface of each node, by provider. */
type ProviderInterfaces = Map<string, Map<number, FoundInterface>>;

/**
 * As many nodes as there are engines, rising: those whose interfaces are best for one provider, then
 * those with most SSDs. `devices` is cut down to them.
 * @throws Error saying what there is too little of
 */
export function chooseNodes(
  request: GenerateRequest,
  interfaces: readonly FoundInterface[],
  devices: NodeDevices,
): ChosenNode[] {
  requireDevices(request, devices);
  const providers = bestInterfaces(request, interfaces);
  const best = bestSet(combinations([...devices.pmem.keys()], request.engineCount), providers, devices);
  if (best === undefined) {
    throw new Error(
      "none of the provider-ifaces sets match the numa node sets that meet storage requirements",
    );
  }
  for (const map of [devices.pmem, devices.ssds]) {
    for (const node of [...map.keys()]) if (!best.nodes.includes(node)) map.delete(node);
  }
  if (best.nodes.length !== request.engineCount) {
    throw new Error(
      `insufficient matching fabric interfaces, want ${request.engineCount} got ${best.nodes.length}`,
    );
  }
  const byNode = providers.get(best.provider)!;
  return best.nodes.map((numaNode) => ({ numaNode, iface: byNode.get(numaNode)! }));
}

/** Leaves only nodes that have all they need. */
function requireDevices({ engineCount, scmOnly }: GenerateRequest, { pmem, ssds }: NodeDevices): void {
  if (pmem.size < engineCount) {
    throw new Error(
      `insufficient number of pmem device numa groups ${describe(pmem)}, want ${engineCount} got ${pmem.size}`,
    );
  }
  if (scmOnly) {
    ssds.clear();
    for (const node of pmem.keys()) ssds.set(node, []);
    return;
  }
  const lacking = [...pmem.keys()].filter((node) => (ssds.get(node)?.length ?? 0) < minSsds);
  if (pmem.size - lacking.length < engineCount) {
    const node = lacking[0]!;
    throw new Error(
      `insufficient number of ssds for numa ${node}, want ${minSsds} got ${ssds.get(node)?.length ?? 0}`,
    );
  }
  for (const node of lacking) {
    pmem.delete(node);
    ssds.delete(node);
  }
}

function describe(devices: ReadonlyMap<number, readonly string[]>): string {
  return `map[${[...devices].map(([node, names]) => `${node}:[${names.join(" ")}]`).join(" ")}]`;
}

function bestInterfaces(request: GenerateRequest, interfaces: readonly FoundInterface[]): ProviderInterfaces {
  const providers: ProviderInterfaces = new Map();
  for (const iface of [...interfaces].sort((left, right) => left.priority - right.priority)) {
    if (iface.netDevClass !== netDevClass[request.netClass]) continue;
    if (request.netProvider !== "" && iface.provider !== request.netProvider) continue;
    const byNode = providers.get(iface.provider) ?? new Map<number, FoundInterface>();
    providers.set(iface.provider, byNode);
    if (!byNode.has(iface.numaNode)) byNode.set(iface.numaNode, iface);
  }
  return providers;
}

interface RatedSet {
  readonly nodes: readonly number[];
  readonly provider: string;
  /** Sum of the interfaces' priorities: lower is better. */
  readonly score: number;
}

function bestSet(
  sets: readonly (readonly number[])[],
  providers: ProviderInterfaces,
  { ssds }: NodeDevices,
): RatedSet | undefined {
  const fewestSsds = (nodes: readonly number[]) =>
    Math.min(...nodes.map((node) => ssds.get(node)?.length ?? 0));
  let best: RatedSet | undefined;
  for (const nodes of sets) {
    const rated = rate(nodes, providers);
    if (rated === undefined) continue;
    const better =
      best === undefined ||
      rated.score < best.score ||
      (rated.score === best.score && fewestSsds(nodes) > fewestSsds(best.nodes));
    if (better) best = rated;
  }
  return best;
}

/** The provider whose interfaces on these nodes are best; undefined when none is on all of them. */
function rate(nodes: readonly number[], providers: ProviderInterfaces): RatedSet | undefined {
  let best: RatedSet | undefined;
  for (const [provider, byNode] of providers) {
    if (!nodes.every((node) => byNode.has(node))) continue;
    const score = nodes.reduce((sum, node) => sum + byNode.get(node)!.priority, 0);
    if (best === undefined || score < best.score) best = { nodes, provider, score };
  }
  return best;
}

/** All choices of `count` of `items` (fewer when there are fewer), those with low items first. */
export function combinations(items: readonly number[], count: number): number[][] {
  const size = Math.min(count, items.length);
  const sorted = [...items].sort((left, right) => left - right);
  const choose = (from: number, left: number): number[][] => {
    if (left === 0) return [[]];
    const found: number[][] = [];
    for (let index = from; index + left <= sorted.length; index++) {
      for (const rest of choose(index + 1, left - 1)) found.push([sorted[index]!, ...rest]);
    }
    return found;
  };
  return choose(0, size);
}
