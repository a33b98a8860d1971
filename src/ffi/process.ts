import { ptr } from "bun:ffi";
import { bindLibc, cString, type SysError, sysError } from "./libc.ts";

const libc = bindLibc({
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  execv: { args: ["ptr", "ptr"], returns: "i32" },
  signal: { args: ["i32", "ptr"], returns: "ptr" },
  getppid: { args: [], returns: "i32" },
});

const PR_SET_PDEATHSIG = 1;
const PR_SET_NAME = 15;
/** SIG_DFL of <signal.h>: the null pointer. */
const SIG_DFL = null;
/** SIGKILL and SIGSTOP cannot be set; 32 and 33 belong to the C library. */
const LAST_STANDARD_SIGNAL = 31;

/** Asks the kernel to send `signal` to this process when the thread that made it ends. 0 takes that back. */
export function setParentDeathSignal(signal: number): void {
  if (libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) !== 0) throw sysError("prctl PR_SET_PDEATHSIG");
}

/** The parent now; 0 when it lives in another pid namespace. Changes when the parent dies. */
export function parentPid(): number {
  return libc.getppid();
}

/** What `ps` and /proc/<pid>/comm show: at most 15 bytes, the rest is cut off. */
export function setProcessName(name: string): void {
  const text = cString(name);
  if (libc.prctl(PR_SET_NAME, ptr(text), 0, 0, 0) !== 0) throw sysError("prctl PR_SET_NAME");
}

/** Gives every standard signal its default action again: an ignored signal stays ignored across exec. */
export function resetSignals(): void {
  for (let signal = 1; signal <= LAST_STANDARD_SIGNAL; signal++) libc.signal(signal, SIG_DFL);
}

/**
 * Replaces this process by the program at `path`; the environment stays as it is. Returns only when that
 * failed, with the reason.
 */
export function execProgram(path: string, args: readonly string[]): SysError {
  const strings = [path, ...args].map(cString);
  const argv = new BigUint64Array(strings.length + 1); // the last one ends the list
  strings.forEach((text, index) => {
    argv[index] = BigInt(ptr(text));
  });
  libc.execv(strings[0]!, argv);
  return sysError("execv", path);
}
