import { stat } from "node:fs/promises";
import { join } from "node:path";
import { errorText, Fault } from "../../faults/fault.ts";
import { stateFromRecords, stateToRecords } from "../../system/records.ts";
import { createReplay } from "../../system/replay-2.6.ts";
import { parseSnapshot, readSnapshot } from "../../system/snapshot-2.6.ts";
import { emptyState } from "../../system/state.ts";
import type { SystemState } from "../../system/types.ts";
import { type Bbolt, BboltError, bboltTransaction, openBbolt } from "./bbolt.ts";
import { withFile } from "./byte-source.ts";
import { faultLegacyDamaged, faultLegacyInUse, faultNoLegacy } from "./faults.ts";
import { isLocked } from "./locks.ts";
import { type RaftServer, type RaftTerms, readEntries, readTerms } from "./log.ts";
import { type FoundSnapshot, isSnapshotFolder, newestSnapshot, readSnapshotFolder } from "./snapshots.ts";

/** Where in the log of the replicas a database stands. Later ones compare greater: by term, then by index. */
export interface LogPosition {
  readonly term: bigint;
  readonly index: bigint;
}

/** A management database of DAOS 2.6.0 as it lies on the disk of one replica. */
export interface LegacyDatabase {
  readonly dir: string;
  readonly state: SystemState;
  /**
   * The last entry. Nothing on the disk says whether the replicas had agreed on it: with one replica what is
   * written is agreed; of several, the one with the latest position among a majority knows all that was
   * acknowledged, and perhaps a change more that nobody was told of. `ms recover` of 2.6 takes that as well.
   */
  readonly last: LogPosition;
  /** The replicas as this one last knew them. */
  readonly servers: readonly RaftServer[];
  readonly terms: RaftTerms;
  /** The snapshot it began from, or undefined; and how many entries of the log came on top. */
  readonly snapshot: { readonly path: string; readonly index: bigint } | undefined;
  readonly entries: number;
  /** What was passed over, for people. */
  readonly notices: readonly string[];
}

/** Path of the database file in its folder. */
export function legacyPath(dir: string): string {
  return join(dir, "daos_system.db");
}

/** True when `dir` holds a management database of 2.6. */
export async function hasLegacyDatabase(dir: string): Promise<boolean> {
  return stat(legacyPath(dir)).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Transaction of the database's file: it rises with every write of 2.6. @throws Fault 600 */
export async function legacyTransaction(dir: string): Promise<bigint> {
  const path = legacyPath(dir);
  return guarded(path, () => withFile(path, bboltTransaction));
}

/**
 * Reads the management database of a stopped daos_server 2.6.0: the newest snapshot, and on top of it the log.
 * Nothing is written.
 * @param dir the folder of daos_system.db: control_raft below scm_mount or control_metadata.path
 * @throws Fault 600: there is none, it is in use, or it cannot be understood
 */
export async function readManagementDatabase(dir: string): Promise<LegacyDatabase> {
  const path = legacyPath(dir);
  if (!(await hasLegacyDatabase(dir))) throw faultNoLegacy(dir);
  if (await isLocked(path)) throw faultLegacyInUse(path, "another process has locked it");
  return guarded(path, async () => {
    const notices: string[] = [];
    const snapshot = await newestSnapshot(dir, (at, why) =>
      notices.push(`the snapshot ${at} was passed over: ${why}`),
    );
    return withFile(path, async (source) => {
      const db = await openBbolt(source);
      const read = await replayLog(db, snapshot);
      if ((await bboltTransaction(source)) !== db.txid) {
        throw faultLegacyInUse(path, "it was written to while it was read");
      }
      return { dir, ...read, notices };
    });
  });
}

/**
 * As readManagementDatabase, but `dir` may be the folder of one snapshot as well (meta.json, state.bin).
 * @throws Fault 600
 */
export async function readLegacy(dir: string): Promise<LegacyDatabase> {
  if ((await hasLegacyDatabase(dir)) || !(await isSnapshotFolder(dir))) return readManagementDatabase(dir);
  return guarded(dir, async () => {
    const { index, term, servers, text } = await readSnapshotFolder(dir);
    return {
      dir,
      state: checked(readSnapshot(text)),
      last: { term, index },
      servers,
      terms: { currentTerm: term, lastVoteTerm: 0n, lastVote: "" },
      snapshot: { path: dir, index },
      entries: 0,
      notices: [],
    };
  });
}

async function replayLog(
  db: Bbolt,
  snapshot: FoundSnapshot | undefined,
): Promise<Omit<LegacyDatabase, "dir" | "notices">> {
  const terms = await readTerms(db);
  const replay = createReplay(snapshot === undefined ? undefined : parseSnapshot(snapshot.text));
  let last: LogPosition = { term: snapshot?.term ?? 0n, index: snapshot?.index ?? 0n };
  let servers = snapshot?.servers ?? [];
  let entries = 0;
  for await (const { index, term, content } of readEntries(db, last.index)) {
    if (term < last.term) throw new BboltError(`entry ${index} of the log is of an earlier term`);
    last = { term, index };
    entries++;
    if (content.kind === "configuration") servers = content.servers;
    if (content.kind !== "command") continue;
    try {
      replay.apply(content.json.toString("utf8"));
    } catch (error) {
      throw new BboltError(`entry ${index} of the log cannot be followed: ${errorText(error)}`);
    }
  }
  if (terms.currentTerm !== 0n && last.term > terms.currentTerm) {
    throw new BboltError(`its log is of term ${last.term}, but it knows of none after ${terms.currentTerm}`);
  }
  const state = checked(replay.state());
  return {
    state,
    last,
    servers,
    terms,
    snapshot: snapshot && { path: snapshot.path, index: snapshot.index },
    entries,
  };
}

/** What we could not read back must not be taken over. */
function checked(state: SystemState): SystemState {
  return stateFromRecords(stateToRecords(state), emptyState());
}

/** Whatever cannot be understood is told as damage of the file. */
async function guarded<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw faultLegacyDamaged(path, errorText(error));
  }
}
