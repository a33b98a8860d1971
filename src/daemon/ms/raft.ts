import { join, resolve } from "node:path";
import { isConnectionError } from "../../client/connection-errors.ts";
import { readBackup } from "../../store/backup.ts";
import { readOffline } from "../../store/offline.ts";
import { type LegacyDatabase, readLegacy } from "../../store/raft-2.6/database.ts";
import { latestDatabase } from "../../store/raft-2.6/latest.ts";
import { writeSnapshotFolder } from "../../store/raft-2.6/snapshots.ts";
import { recordsFromLegacy } from "../../store/raft-2.6/takeover.ts";
import { stateFromRecords } from "../../system/records.ts";
import { writeSnapshot } from "../../system/snapshot-2.6.ts";
import { emptyState } from "../../system/state.ts";
import { makeBackup } from "./backup.ts";
import { type PlannedReplacement, planRecords, stateSummary } from "./replace.ts";
import { type MsTarget, msFault, requireStopped } from "./target.ts";

export type { LegacyDatabase };

type Target = MsTarget & { readonly self: string };

/**
 * Import: what stopped 2.6.0 replicas have becomes the system.
 * @param dirs their database folders, or snapshots of theirs; the latest of them counts
 * @param alone though they are no majority of the replicas
 * @throws Fault 600
 */
export async function planImport(
  target: Target,
  dirs: readonly string[],
  alone: boolean,
): Promise<
  PlannedReplacement & { readonly found: LegacyDatabase; readonly compared: readonly LegacyDatabase[] }
> {
  await requireStopped(target);
  const compared = await Promise.all(dirs.map((dir) => readLegacy(resolve(dir))));
  const found = latestDatabase(compared, alone);
  const records = await recordsFromLegacy(found, new Date());
  return { ...(await planRecords(target, records, "import")), found, compared };
}

/** Export: writes what the system has, or this host's disk while the server does not run, as a snapshot of 2.6. */
export async function exportSnapshot(target: Target, parent: string) {
  const now = new Date();
  if (isWithin(parent, target.dir)) {
    throw msFault(
      `${parent} lies in ${target.dir}, which daos_server ms restore of DAOS 2.6 empties`,
      "name a folder elsewhere",
    );
  }
  const state = stateFromRecords(await currentRecords(target), emptyState());
  // The replica that restores it begins a log of its own after this.
  const term = 1n;
  const index = state.version + 1n;
  const path = join(resolve(parent), `${term}-${index}-${now.getTime()}`);
  const servers = [{ address: target.self, voter: true }];
  await writeSnapshotFolder(path, writeSnapshot(state), { term, index, servers });
  return { path, ...stateSummary(state) };
}

function isWithin(path: string, folder: string): boolean {
  return `${resolve(path)}/`.startsWith(`${resolve(folder)}/`);
}

async function currentRecords(target: Target): Promise<ReadonlyMap<string, string>> {
  try {
    const { path } = await makeBackup(target);
    return (await readBackup(path)).records;
  } catch (error) {
    if (!isConnectionError(error)) throw error;
  }
  const found = await readOffline(target.dir, target.systemName, target.log);
  if (found === undefined) throw msFault(`there is no database in ${target.dir}`, "run it on a replica");
  return found.records;
}
