import { readFileSync } from "node:fs";
import { parseCpuList } from "../../hardware/sysfs.ts";
import type { Topology } from "../../hardware/topology.ts";

/**
 * What the kernel tells of a client process. These files are made by the kernel when they are read and take some
 * microseconds, a tenth of what it costs to have a thread read them: they are read at once. (Of the files in
 * /proc/<pid> only those are read that never wait for the process: comm, stat, status.)
 */
function readProcess(pid: number | "self", file: "comm" | "stat" | "status"): string {
  return readFileSync(`/proc/${pid}/${file}`, "utf8");
}

/** A client process as the log names it. */
export function processName(pid: number): string | undefined {
  try {
    return readProcess(pid, "comm").trimEnd();
  } catch {
    return undefined; // it is gone, or its /proc is hidden from us
  }
}

/** "pid:7 (dfuse)". */
export function processText(pid: number, name = processName(pid)): string {
  return name === undefined ? `pid:${pid}` : `pid:${pid} (${name})`;
}

/**
 * When the process began, in the kernel's ticks since boot (field 22 of /proc/<pid>/stat); undefined when there
 * is no such process. With the number it names one process: numbers are used again.
 */
export function processStart(pid: number): string | undefined {
  try {
    const text = readProcess(pid, "stat");
    // The second field is a name in parentheses that may hold anything.
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}

/**
 * The first NUMA node among those the process may run on. 0 where the machine has one node only. A peer in another
 * pid namespace has the number 0 here and its CPUs cannot be known; our own are as good a guess as any, and 2.6's.
 * @throws Error when the process is gone, or hidden from us
 */
export function processNumaNode(pid: number, topology: Topology): number {
  const { nodes } = topology;
  if (nodes.length === 1) return nodes[0]!.id;
  let status: string;
  try {
    status = readProcess(pid === 0 ? "self" : pid, "status");
  } catch {
    throw new Error(`failed to get NUMA node ID for pid ${pid}`);
  }
  const allowed = new Set(parseCpuList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? ""));
  return nodes.find((node) => node.cpus.some((cpu) => allowed.has(cpu)))?.id ?? 0;
}
