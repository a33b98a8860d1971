import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a daos_server 2.6.0 has written; see test/reference/README.md. */
const reference = join(import.meta.dirname, "../../reference/raft-2.6");

/**
 * A system of 2 ranks and 2 pools, 42 entries, and the same later, 284 entries; both of one replica. And two of the
 * three replicas of another: the leader's, and that of one that was stopped before the last changes.
 */
export type Recorded = "log" | "snapshot" | "three-1" | "three-3";

export function recordedBytes(name: Recorded): Buffer {
  return Buffer.from(Bun.zstdDecompressSync(readFileSync(join(reference, `${name}.db.zst`))));
}

/** What 2.6.0's own `ms recover` made of "snapshot". */
export const recovered = join(reference, "recovered/3-284-1795610917192");

/** Lays out a database folder as 2.6.0 leaves it. */
export function layOut(dir: string, name: Recorded, withSnapshots = true): string {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "daos_system.db"), recordedBytes(name), { mode: 0o600 });
  if (name === "snapshot" && withSnapshots) {
    cpSync(join(reference, "snapshots"), join(dir, "snapshots"), { recursive: true });
  } else {
    mkdirSync(join(dir, "snapshots"));
  }
  return dir;
}
