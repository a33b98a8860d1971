import path from "node:path";

/** Bun keeps the modules of a compiled executable in a file system of its own, under this name. */
const EMBEDDED_ROOT = "/$bunfs/";

/** The name to start ourselves by (`argv0` of Bun.spawn): what we are called decides which program we are. */
export const SELF_ARGV0 = "daosctl";

/**
 * The start of an argv that runs daosctl again, whatever name this process was called by: the executable
 * itself, or Bun and the entry file in a checkout. Arguments follow: `[...selfCommand(), "helper"]`.
 */
export function selfCommand(): string[] {
  if (import.meta.dir.startsWith(EMBEDDED_ROOT)) return [process.execPath];
  return [process.execPath, path.join(import.meta.dir, "../main.ts")];
}
