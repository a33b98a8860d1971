import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readdir, readFile } from "node:fs/promises";
import { SELF_ARGV0 } from "../helper/self.ts";
import type { LabProcess } from "./record.ts";
import { waitFor } from "./wait.ts";

/** Changes with every boot, so that process numbers and start times of an earlier one do not count. */
async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/**
 * What no two processes with one number have in common: the boot and the start time (field 22 of
 * /proc/<pid>/stat). undefined when there is no such process, or only its zombie.
 */
export async function birthOf(pid: number): Promise<string | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The name, in parentheses, may hold anything; state is the first field after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  const started = fields[19];
  if (state === "Z" || state === "X" || started === undefined) return undefined;
  return `${await bootId()}/${started}`;
}

export async function isAlive(process: LabProcess): Promise<boolean> {
  return (await birthOf(process.pid)) === process.birth;
}

/** Sends a signal unless the process is gone, or its number belongs to another by now. */
export async function signalProcess(target: LabProcess, signal: NodeJS.Signals): Promise<void> {
  if (!(await isAlive(target))) return;
  try {
    process.kill(target.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** True once the process is gone, false when it still runs after that time. */
export async function waitGone(target: LabProcess, timeoutMs: number): Promise<boolean> {
  return (await waitFor(async () => ((await isAlive(target)) ? undefined : true), { timeoutMs })) ?? false;
}

/** Asks to stop, and kills what has not after `graceMs`. Says whether it stopped by itself. */
export async function stopProcess(target: LabProcess, graceMs: number): Promise<boolean> {
  await signalProcess(target, "SIGTERM");
  if (await waitGone(target, graceMs)) return true;
  await signalProcess(target, "SIGKILL");
  await waitGone(target, graceMs);
  return false;
}

export interface StartedProcess extends LabProcess {
  /** How it ended, in words. */
  readonly ended: Promise<string>;
}

export interface StartOptions {
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly env: Record<string, string | undefined>;
  /** Takes stdout and stderr; added to. */
  readonly output: string;
}

/** Starts a process in a session of its own, so that it outlives us and no Ctrl-C of ours reaches it. */
export async function startProcess({ name, command, env, output }: StartOptions): Promise<StartedProcess> {
  const [program = "", ...args] = command;
  const file = await open(output, "a", 0o644);
  try {
    const child = spawn(program, args, {
      argv0: SELF_ARGV0,
      cwd: "/",
      env,
      detached: true,
      stdio: ["ignore", file.fd, file.fd],
    });
    const ended = new Promise<string>((resolve) => {
      child.once("exit", (status, signal) =>
        resolve(signal === null ? `exit status ${status}` : `killed by ${signal}`),
      );
    });
    await once(child, "spawn");
    child.unref();
    const pid = child.pid ?? 0;
    // One that has ended already gets a birth that fits none.
    return { name, pid, birth: (await birthOf(pid)) ?? "gone", ended };
  } finally {
    await file.close();
  }
}

/** Processes one of whose arguments is among `words`. */
export async function processesWithArgument(words: ReadonlySet<string>): Promise<LabProcess[]> {
  const found: LabProcess[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const pid = Number(entry);
    if (pid === process.pid) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const args = line.split("\0");
    if (!args.some((arg) => words.has(arg))) continue;
    const birth = await birthOf(pid);
    if (birth !== undefined) found.push({ name: args[0] ?? "", pid, birth });
  }
  return found;
}
