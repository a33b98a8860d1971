import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listNames, readNumber } from "./sysfs.ts";

/** Hugepages of the default size on one NUMA node, as the kernel counts them. */
function pagesPath(sysRoot: string, node: number, pageSizeKib: number): string {
  const folder = join(sysRoot, "devices/system/node", `node${node}`, "hugepages");
  return join(folder, `hugepages-${pageSizeKib}kB`, "nr_hugepages");
}

/** NUMA nodes that can hold hugepages of that size. */
export async function hugepageNodes(pageSizeKib: number, sysRoot = "/sys"): Promise<number[]> {
  const names = await listNames(join(sysRoot, "devices/system/node"));
  const nodes: number[] = [];
  for (const name of names) {
    const node = /^node(\d+)$/.exec(name)?.[1];
    if (node === undefined) continue;
    if ((await readNumber(pagesPath(sysRoot, Number(node), pageSizeKib))) !== undefined)
      nodes.push(Number(node));
  }
  return nodes;
}

/**
 * Sees to it that a NUMA node has at least `wanted` hugepages; what is there already is never taken away.
 * @returns pages there are now, which may be fewer when memory is short.
 * @throws the error of the write when it is not permitted.
 */
export async function reserveHugepages(
  node: number,
  pageSizeKib: number,
  wanted: number,
  sysRoot = "/sys",
): Promise<number> {
  const path = pagesPath(sysRoot, node, pageSizeKib);
  const before = (await readNumber(path)) ?? 0;
  if (before >= wanted) return before;
  await writeFile(path, String(wanted));
  return (await readNumber(path)) ?? before;
}
