import { formatFaultDomain, parseFaultDomain, rootDomainId } from "./fault-domain.ts";
import type { SnapshotDomain } from "./snapshot-2.6.ts";

/**
 * The fault domain tree as DAOS 2.6.0 keeps it: ranks are leaves of it, with numbers of their own. A new node gets
 * one more than the largest number there is, so which number a domain gets depends on those of ranks, and replaying
 * a log must follow it leaf by leaf.
 */
export interface DomainTree {
  /** Adds the leaf of a rank and what is missing above it. */
  addRank(faultDomain: string, rank: bigint): void;
  /** Removes the leaf of a rank; domains stay, though nobody may be left in them. */
  removeRank(faultDomain: string, rank: bigint): void;
  toSnapshot(): SnapshotDomain;
}

interface Node {
  readonly levels: readonly string[];
  readonly id: number;
  readonly children: Map<string, Node>;
}

/** Deeper than any tree 2.6 accepts. */
const deepest = 64;

/** @throws Error for a tree too deep to be one */
export function createDomainTree(from: SnapshotDomain | null): DomainTree {
  const root = from === null ? newNode([], rootDomainId) : readNode(from, 0);
  let largest = largestId(root);

  const levelsOf = (faultDomain: string, rank: bigint): string[] => [
    ...parseFaultDomain(faultDomain),
    `rank${rank}`,
  ];

  return {
    addRank(faultDomain, rank) {
      let node = root;
      const levels = levelsOf(faultDomain, rank);
      levels.forEach((label, index) => {
        let child = node.children.get(label);
        if (child === undefined) {
          child = newNode(levels.slice(0, index + 1), ++largest);
          node.children.set(label, child);
        }
        node = child;
      });
    },
    removeRank(faultDomain, rank) {
      const levels = levelsOf(faultDomain, rank);
      let parent: Node | undefined = root;
      for (const label of levels.slice(0, -1)) parent = parent?.children.get(label);
      const leaf = parent?.children.get(levels.at(-1) ?? "");
      if (parent === undefined || leaf === undefined) return;
      parent.children.delete(levels.at(-1) ?? "");
      if (largestId(leaf) === largest) largest = largestId(root);
    },
    toSnapshot: () => writeNode(root),
  };
}

function newNode(levels: readonly string[], id: number): Node {
  return { levels, id, children: new Map() };
}

function readNode(from: SnapshotDomain, depth: number): Node {
  if (depth > deepest) throw new Error("the fault domain tree of the snapshot is too deep");
  const node = newNode(from.Domain.Domains ?? [], Number(from.ID));
  for (const each of from.Children ?? []) {
    const child = readNode(each, depth + 1);
    node.children.set(child.levels.at(-1) ?? formatFaultDomain(child.levels), child);
  }
  return node;
}

function writeNode({ levels, id, children }: Node): SnapshotDomain {
  return {
    Domain: { Domains: levels.length === 0 ? null : levels },
    ID: BigInt(id),
    Children: [...children]
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([, child]) => writeNode(child)),
  };
}

function largestId({ id, children }: Node): number {
  let largest = id;
  for (const child of children.values()) largest = Math.max(largest, largestId(child));
  return largest;
}
