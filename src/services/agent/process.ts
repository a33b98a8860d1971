import { readFile } from "node:fs/promises";
import { parseCpuList } from "../../hardware/sysfs.ts";
import type { Topology } from "../../hardware/topology.ts";

/** A client process as the log names it. */
export async function processName(pid: number): Promise<string | undefined> {
  try {
    return (await readFile(`/proc/${pid}/comm`, "utf8")).trim();
  } catch {
    return undefined; // it is gone, or its /proc is hidden from us
  }
}

/** "pid:7 (dfuse)". */
export function processText(pid: number, name: string | undefined): string {
  return name === undefined ? `pid:${pid}` : `pid:${pid} (${name})`;
}

/**
 * When the process began, in the kernel's ticks since boot (field 22 of /proc/<pid>/stat); undefined when there
 * is no such process. With the number it names one process: numbers are used again.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field is a name in parentheses that may hold anything.
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}

/**
 * The first NUMA node among those the process may run on. 0 where the machine has one node only.
 * @throws Error when the process is gone
 */
export async function processNumaNode(pid: number, topology: Topology): Promise<number> {
  const { nodes } = topology;
  if (nodes.length === 1) return nodes[0]!.id;
  // A peer in another pid namespace has no number here; our own is as good a guess as any (2.6 does the same).
  const status = await readFile(`/proc/${pid === 0 ? "self" : pid}/status`, "utf8").catch(() => {
    throw new Error(`failed to get NUMA node ID for pid ${pid}`);
  });
  const allowed = new Set(parseCpuList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? ""));
  return nodes.find((node) => node.cpus.some((cpu) => allowed.has(cpu)))?.id ?? 0;
}
