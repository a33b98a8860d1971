import { dlopen, type FFIFunction, type Pointer, read } from "bun:ffi";
import os from "node:os";

/**
 * The C library this process is linked with. The loader finds it among the loaded objects before it looks
 * anywhere else, so the search of the current folder that bun:ffi falls back to never happens.
 */
const LIBC = "libc.so.6";

/** Names by number; EAGAIN and EWOULDBLOCK share one, and callers look for EAGAIN. */
const errnoNames = new Map<number, string>(Object.entries(os.constants.errno).map(([name, n]) => [n, name]));
errnoNames.set(os.constants.errno.EAGAIN, "EAGAIN");

/** A system call said no. */
export class SysError extends Error {
  override readonly name = "SysError";
  /** "ENOENT", or the bare number when it has no name. */
  readonly code: string;

  constructor(
    readonly syscall: string,
    /** Positive errno. */
    readonly errno: number,
    /** What it was about, usually a path. */
    readonly subject = "",
  ) {
    const code = errnoNames.get(errno) ?? String(errno);
    super(subject === "" ? `${syscall}: ${code}` : `${syscall} ${subject}: ${code}`);
    this.code = code;
  }
}

/** True when `error` is a SysError of one of these codes. */
export function isSysError(error: unknown, ...codes: readonly string[]): error is SysError {
  return error instanceof SysError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * Binds functions of libc. Binding compiles a small stub for each, so every module binds only what it uses:
 * the engine start path pays for four functions, not for thirty.
 */
export function bindLibc<const T extends Record<string, FFIFunction>>(functions: T) {
  return dlopen(LIBC, functions).symbols;
}

const { __errno_location } = bindLibc({ __errno_location: { args: [], returns: "ptr" } });

/** errno of the calling thread. Read it right after the call that failed, before any other native call. */
export function errno(): number {
  return read.i32(__errno_location() as Pointer, 0);
}

/** The error of the call that just failed. */
export function sysError(syscall: string, subject?: string): SysError {
  return new SysError(syscall, errno(), subject);
}

/** A NUL-terminated copy for a `const char *` argument. A string that holds a NUL is refused. */
export function cString(text: string): Buffer {
  if (text.includes("\0")) throw new SysError("string", os.constants.errno.EINVAL, JSON.stringify(text));
  return Buffer.from(`${text}\0`);
}
