import os from "node:os";
import { execProgram, parentPid, resetSignals, setParentDeathSignal } from "../ffi/process.ts";

/** What a shell says when a command cannot be run. */
const CANNOT_EXECUTE = 126;

/**
 * `daosctl helper exec-engine <ppid> <path> [args…]`: becomes the program at `path`, which dies with the server
 * that started it, however that ends. Bun has no such option, hence this step between. Whatever it imports is
 * paid at every engine start.
 */
export function execEngine(argv: readonly string[]): never {
  const [parent, path, ...args] = argv;
  if (parent === undefined || path === undefined || !/^\d+$/.test(parent) || !path.startsWith("/")) {
    console.error("usage: daosctl helper exec-engine <parent pid> <absolute path> [arguments]");
    process.exit(2);
  }
  setParentDeathSignal(os.constants.signals.SIGKILL);
  // The parent may have died before the kernel was asked to tell.
  if (parentPid() !== Number(parent)) process.exit(1);
  resetSignals();
  const failure = execProgram(path, args);
  console.error(failure.message);
  process.exit(CANNOT_EXECUTE);
}
