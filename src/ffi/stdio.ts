import { bindLibc, sysError } from "./libc.ts";

const libc = bindLibc({
  dup: { args: ["i32"], returns: "i32" },
  dup2: { args: ["i32", "i32"], returns: "i32" },
  _exit: { args: ["i32"], returns: "void" },
});

/**
 * Takes standard output away from all code that writes to descriptor 1, native code included: what it writes
 * goes to standard error from now on.
 * @returns a descriptor that still leads to where standard output led.
 */
export function keepStdout(): number {
  const kept = libc.dup(1);
  if (kept < 0) throw sysError("dup");
  if (libc.dup2(2, 1) < 0) throw sysError("dup2");
  return kept;
}

/** Ends the process at once: no handlers of libraries, no flushing. */
export function exitNow(status: number): never {
  libc._exit(status);
  throw new Error("_exit returned");
}
