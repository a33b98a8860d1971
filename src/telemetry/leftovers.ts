import { readFile } from "node:fs/promises";
import { errorText } from "../faults/fault.ts";
import { SELF_ARGV0, selfCommand } from "../helper/self.ts";
import { TELEMETRY_KEY } from "../helper/telemetry/layout.ts";
import type { Logger } from "../log/logger.ts";

const REMOVE_TIMEOUT_MS = 10_000;

/**
 * Removes what engines of this server that were killed have left in shared memory, in a child when there seems to
 * be anything. What cannot be removed is logged: the next engine with that index does it again.
 * @param engines number of engines of this server
 */
export async function removeDeadTelemetry(engines: number, log: Logger): Promise<void> {
  try {
    const table = await readFile("/proc/sysvipc/shm", "utf8");
    const indexes = unattachedKeys(table)
      .map((key) => key - TELEMETRY_KEY)
      .filter((index) => index >= 0 && index < engines);
    if (indexes.length === 0) return;
    const child = Bun.spawn([...selfCommand(), "helper", "forget-metrics", ...indexes.map(String)], {
      argv0: SELF_ARGV0,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      cwd: "/",
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: REMOVE_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    const [removed, trouble] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (child.exitCode !== 0) throw new Error(trouble.trim() || `ended with ${child.signalCode}`);
    if (removed.trim() !== "0") log.info(`removed ${removed.trim()} telemetry segment(s) of dead engines`);
  } catch (error) {
    log.notice(`telemetry of dead engines: ${errorText(error)}`);
  }
}

/** Keys of the segments that no process has mapped: columns key, shmid, perms, size, cpid, lpid, nattch … */
export function unattachedKeys(table: string): number[] {
  const rows = table
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/).map(Number));
  return rows.filter((row) => row[6] === 0).map((row) => row[0]! >>> 0);
}
