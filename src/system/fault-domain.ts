import type { SystemState } from "./types.ts";

/** Number of the root of the fault domain tree; every other domain has a larger one. */
export const rootDomainId = 1;

/**
 * Reads "/rack1/host7" into its levels, trimmed and in lower case; "" and "/" are no level at all.
 * @throws Error "invalid fault domain" for a relative path or an empty level.
 */
export function parseFaultDomain(text: string): string[] {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed === "/" || trimmed === "(nil)") return [];
  if (!trimmed.startsWith("/")) throw new Error("invalid fault domain");
  const levels = trimmed
    .slice(1)
    .split("/")
    .map((level) => level.trim().toLowerCase());
  if (levels.includes("")) throw new Error("invalid fault domain");
  return levels;
}

/** "/rack1/host7"; "/" for no level. */
export function formatFaultDomain(levels: readonly string[]): string {
  return `/${levels.join("/")}`;
}

/** The paths of a domain from the top down: "/rack1", "/rack1/host7". */
export function domainPaths(domain: string): string[] {
  const levels = parseFaultDomain(domain);
  return levels.map((_, last) => formatFaultDomain(levels.slice(0, last + 1)));
}

/** Numbers for those domains of a new member that have none yet, in the order they are to be given. */
export function newDomainIds(state: Pick<SystemState, "domainIds">, domain: string): Map<string, number> {
  const fresh = new Map<string, number>();
  let next = 0;
  for (const path of domainPaths(domain)) {
    if (state.domainIds.has(path)) continue;
    if (next === 0) next = Math.max(rootDomainId, ...state.domainIds.values()) + 1;
    fresh.set(path, next++);
  }
  return fresh;
}

interface DomainNode {
  readonly id: number;
  /** By label, so that equal labels under one parent are one domain. */
  readonly children: Map<string, DomainNode>;
  readonly rank: number | undefined;
}

/**
 * The fault domains of `ranks` as the engine wants them for placement: breadth first, a domain as
 * (levels below the root's bottom, number, number of children), a rank as its number alone. Siblings are
 * ordered by label, ranks as "rank10" before "rank2", as 2.6 orders them.
 * @throws Error when a rank is no member.
 */
export function compressFaultDomains(state: SystemState, ranks: Iterable<number>): number[] {
  const root: DomainNode = { id: rootDomainId, children: new Map(), rank: undefined };
  let depth = 0;
  for (const rank of ranks) {
    const member = state.members.get(rank);
    if (member === undefined) throw new Error(`rank ${rank} not found in fault domain tree`);
    const levels = parseFaultDomain(member.faultDomain);
    depth = Math.max(depth, levels.length + 1);
    let node = root;
    levels.forEach((label, index) => {
      let child = node.children.get(label);
      if (child === undefined) {
        const id = state.domainIds.get(formatFaultDomain(levels.slice(0, index + 1)));
        if (id === undefined) throw new Error(`fault domain ${member.faultDomain} has no number`);
        child = { id, children: new Map(), rank: undefined };
        node.children.set(label, child);
      }
      node = child;
    });
    node.children.set(`rank${rank}`, { id: 0, children: new Map(), rank });
  }
  return breadthFirst(root, depth);
}

function breadthFirst(root: DomainNode, depth: number): number[] {
  const result: number[] = [];
  let level = depth;
  for (let row = [root]; row.length > 0; level--) {
    const below: DomainNode[] = [];
    for (const node of row) {
      if (node.rank !== undefined) {
        result.push(node.rank);
        continue;
      }
      result.push(level, node.id, node.children.size);
      const sorted = [...node.children].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      for (const [, child] of sorted) below.push(child);
    }
    row = below;
  }
  return result;
}
