import type { StorageHost } from "../../helper/pci/host.ts";
import type { PagesPlan } from "./plan.ts";

/** What SPDK's own script allocates when it is not told. */
const DEFAULT_PAGES = 1024;

/**
 * Shares pages out over NUMA nodes, evenly, the first nodes getting the odd ones. Pages that are there already
 * are never given up: somebody may count on them.
 * @param nodes those that devices are on; none: the first node.
 */
export function planPages(host: StorageHost, wanted: number, nodes: readonly number[]): PagesPlan[] {
  const known = host.pages.filter(({ node }) => node < 0 || nodes.includes(node));
  const chosen = known.length > 0 ? known : host.pages.slice(0, 1);
  const total = wanted > 0 ? wanted : DEFAULT_PAGES;
  return chosen.map((node, index): PagesPlan => {
    const share = Math.floor(total / chosen.length) + (index < total % chosen.length ? 1 : 0);
    const missing = Math.max(0, share - node.total);
    return {
      ...node,
      needed: share,
      target: Math.max(share, node.total),
      warning: shortage(missing, node.memFreeKib, host.pageSizeKib),
    };
  });
}

/** Why the kernel may not find so many pages, or "". */
function shortage(pages: number, memFreeKib: number, pageSizeKib: number): string {
  const neededKib = pages * pageSizeKib;
  if (pages === 0 || memFreeKib === 0 || neededKib <= memFreeKib) return "";
  const mib = (kib: number) => Math.floor(kib / 1024);
  return `${mib(neededKib)} MiB are needed, ${mib(memFreeKib)} MiB of the node are free`;
}

/** Why fewer pages were found than needed, for people. */
export function shortageText(plan: PagesPlan, found: number, pageSizeKib: number): string {
  if (found >= plan.needed) return "";
  const missingMib = Math.floor(((plan.needed - found) * pageSizeKib) / 1024);
  const cause = plan.warning === "" ? "memory of the node is fragmented" : plan.warning;
  return `${plan.needed - found} pages (${missingMib} MiB) are missing: ${cause}; stop programs or reboot, and prepare again`;
}
