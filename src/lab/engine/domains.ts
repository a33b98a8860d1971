import { Der, DerError } from "./der.ts";
import type { PoolEngine } from "./pool-map.ts";
import { mayServe } from "./pool-map.ts";

/**
 * Reads the fault domain tree of a PoolCreate or PoolExtend request: tuples (level, id, number of children)
 * breadth first, then one rank for each leaf. Level 1 is the node an engine belongs to.
 * @returns the node of each rank
 * @throws DerError DER_INVAL when the tree does not add up
 */
export function parseFaultDomains(tree: readonly number[]): Map<number, number> {
  const nodes: { id: number; children: number }[] = [];
  let at = 0;
  let pending = tree.length === 0 ? 0 : 1;
  // Each tuple promises its children; the children of level 1 are the ranks.
  while (pending > 0) {
    const [level, id, children] = tree.slice(at, at + 3);
    if (level === undefined || id === undefined || children === undefined || level < 1) {
      throw new DerError(Der.INVAL, "fault domain tree is cut short");
    }
    at += 3;
    pending += level === 1 ? -1 : children - 1;
    if (level === 1) nodes.push({ id, children });
  }
  const ranks = tree.slice(at);
  const result = new Map<number, number>();
  let next = 0;
  for (const node of nodes) {
    for (let i = 0; i < node.children; i++) {
      const rank = ranks[next++];
      if (rank === undefined) throw new DerError(Der.INVAL, "fault domain tree names too few ranks");
      result.set(rank, node.id);
    }
  }
  if (next !== ranks.length) throw new DerError(Der.INVAL, "fault domain tree names too many ranks");
  return result;
}

/** Pool service redundancy factor from a number of replicas, as 2.6 rounds it. */
export function redundancyOfReplicas(replicas: number): number {
  return Math.min(4, Math.floor((replicas % 2 === 0 ? replicas - 1 : replicas) / 2));
}

export interface ReplicaPlan {
  readonly add: readonly number[];
  readonly remove: readonly number[];
}

/**
 * Plans which engines hold the pool service: 2 * factor + 1 replicas, spread over nodes, nobody on an
 * engine that is down. Deterministic: least used node first, then lowest rank.
 */
export function planReplicas(
  redundancy: number,
  engines: readonly PoolEngine[],
  replicas: readonly number[],
): ReplicaPlan {
  const serving = engines.filter(mayServe);
  const current = replicas.filter((rank) => serving.some((e) => e.rank === rank));
  const remove = replicas.filter((rank) => !current.includes(rank));
  const add: number[] = [];
  const wanted = 2 * redundancy + 1;
  const nodeOf = new Map(serving.map((e) => [e.rank, e.node]));
  while (current.length < wanted) {
    const used = new Map<number, number>();
    for (const rank of current) {
      const node = nodeOf.get(rank) as number;
      used.set(node, (used.get(node) ?? 0) + 1);
    }
    const [best] = serving
      .filter((e) => !current.includes(e.rank))
      .sort((a, b) => (used.get(a.node) ?? 0) - (used.get(b.node) ?? 0) || a.rank - b.rank);
    if (best === undefined) break;
    current.push(best.rank);
    add.push(best.rank);
  }
  const surplus = current.length - wanted;
  if (surplus > 0) remove.push(...current.sort((a, b) => a - b).slice(-surplus));
  return { add: add.sort((a, b) => a - b), remove };
}
