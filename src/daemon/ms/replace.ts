import { type Backup, readBackup } from "../../store/backup.ts";
import { pendingReplacement, type Replacement, replaceDatabase } from "../../store/generation.ts";
import { type OfflineDatabase, readOffline } from "../../store/offline.ts";
import { stateFromRecords } from "../../system/records.ts";
import { emptyState } from "../../system/state.ts";
import type { SystemState } from "../../system/types.ts";
import { latestGeneration, type MsTarget, msFault, requireStopped } from "./target.ts";

/** What a database holds, for people to compare. */
export interface DatabaseSummary {
  readonly dataVersion: bigint;
  readonly ranks: readonly number[];
  readonly pools: readonly string[];
}

export function summaryOf(records: ReadonlyMap<string, string>): DatabaseSummary {
  return stateSummary(stateFromRecords(records, emptyState()));
}

export function stateSummary(state: SystemState): DatabaseSummary {
  return {
    dataVersion: state.version,
    ranks: [...state.members.keys()].sort((a, b) => a - b),
    pools: [...state.pools.values()].map(({ label, uuid }) => label || uuid).sort(),
  };
}

/** A replacement of the database on this host that has been looked at, and not been made yet. */
export interface PlannedReplacement {
  /** What is there now; undefined: nothing, or what cannot be read, whose reason is in `unreadable`. */
  readonly before: DatabaseSummary | undefined;
  readonly unreadable: string | undefined;
  readonly after: DatabaseSummary;
  make(): Promise<Replacement>;
}

type Target = MsTarget & { readonly self: string };

/**
 * Recovery: what this replica has becomes the system, without the others.
 * @throws Fault 600 when the server runs, when there is no database, or when it has been done already
 */
export async function planRecovery(target: Target): Promise<PlannedReplacement> {
  await requireStopped(target);
  await refuseSecond(target);
  const found = await readOffline(target.dir, target.systemName, target.log);
  if (found === undefined) {
    throw msFault(`there is no database in ${target.dir}`, "recover on a host that has held a replica");
  }
  return plan(target, found, found.records, "recover");
}

/**
 * Restore: what a backup holds becomes the system.
 * @throws Fault 600 when the server runs, or the backup is damaged or of another system
 */
export async function planRestore(
  target: Target,
  path: string,
): Promise<PlannedReplacement & { readonly backup: Backup }> {
  await requireStopped(target);
  const backup = await readBackup(path);
  if (backup.system !== target.systemName) {
    throw msFault(
      `the backup ${path} is of system ${backup.system}`,
      `use a backup of system ${target.systemName}`,
    );
  }
  return { ...(await planRecords(target, backup.records, "restore")), backup };
}

/** Puts any records in the place of what is on this host. */
export async function planRecords(
  target: Target,
  records: ReadonlyMap<string, string>,
  by: string,
): Promise<PlannedReplacement> {
  await refuseSecond(target);
  let found: OfflineDatabase | undefined;
  let unreadable: string | undefined;
  try {
    found = await readOffline(target.dir, target.systemName, target.log);
  } catch (error) {
    unreadable = error instanceof Error ? error.message : String(error);
  }
  return { ...(await plan(target, found, records, by)), unreadable };
}

async function plan(
  target: Target,
  found: OfflineDatabase | undefined,
  records: ReadonlyMap<string, string>,
  by: string,
): Promise<PlannedReplacement> {
  const after = summaryOf(records);
  return {
    before: found === undefined ? undefined : summaryOf(found.records),
    unreadable: undefined,
    after,
    async make() {
      await requireStopped(target);
      return replaceDatabase(target.dir, records, {
        by,
        now: new Date(),
        base: await latestGeneration(target),
      });
    },
  };
}

/** What was put in place counts only once the server has started on it. */
async function refuseSecond(target: Target): Promise<void> {
  const pending = await pendingReplacement(target.dir);
  if (pending === undefined) return;
  throw msFault(
    `the database of this replica was replaced at ${pending.at} (ms ${pending.by}), and its server has not been started since`,
    "start daos_server on this host; what was there before is kept" +
      (pending.old === "" ? "" : ` in ${pending.old}`),
  );
}
