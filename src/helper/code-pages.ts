import { releaseCodePages } from "../ffi/memory.ts";

/** Soon after a start, which touches far more code than is ever needed again; then now and then. */
const FIRST_MS = 5_000;
const PERIOD_MS = 60_000;

/**
 * Keeps a daemon's resident memory to the code that it uses: what only a start, a format or a scan needed is let go
 * of a while later. Each time takes a millisecond. Returns how to stop.
 */
export function keepCodePagesFew(trouble: (error: unknown) => void): () => void {
  let timer = setTimeout(release, FIRST_MS);
  timer.unref();
  function release(): void {
    try {
      releaseCodePages();
      timer = setTimeout(release, PERIOD_MS);
      timer.unref();
    } catch (error) {
      // A kernel that does not do this will not do it later either.
      trouble(error);
    }
  }
  return () => clearTimeout(timer);
}
