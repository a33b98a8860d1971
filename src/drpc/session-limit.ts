import { readFile } from "node:fs/promises";

/** More peers than that at once are a fault of theirs. */
const MOST_SESSIONS = 8192;
/** Descriptors that the rest of a daemon may need: connections to servers, files, children. */
const RESERVED_DESCRIPTORS = 256;

/**
 * How many connections a server may hold, by the limit of open files. It must never reach that limit itself:
 * a socket that cannot be accepted stays in the queue, and Bun then asks for it again without a pause.
 */
export async function defaultMaxSessions(): Promise<number> {
  const limit = /^Max open files\s+(\d+|unlimited)/m.exec(await readFile("/proc/self/limits", "utf8"))?.[1];
  return sessionsFor(limit === undefined || limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit));
}

/** With few descriptors half of them are for sessions. Exported for tests. */
export function sessionsFor(openFiles: number): number {
  return Math.min(MOST_SESSIONS, Math.max(openFiles - RESERVED_DESCRIPTORS, Math.floor(openFiles / 2)));
}
