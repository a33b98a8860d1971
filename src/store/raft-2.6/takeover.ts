import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "../../files/durable.ts";
import { exists } from "../../files/exists.ts";
import type { Logger } from "../../log/logger.ts";
import { formatRanks } from "../../system/ranks.ts";
import { stateToRecords } from "../../system/records.ts";
import type { SystemState } from "../../system/types.ts";
import { openSqliteStore } from "../sqlite.ts";
import { sqlitePath } from "../sqlite-file.ts";
import {
  hasLegacyDatabase,
  type LegacyDatabase,
  legacyPath,
  legacyTransaction,
  readManagementDatabase,
} from "./database.ts";
import { faultLegacyNeedsImport } from "./faults.ts";
import { voterCount } from "./latest.ts";

/** A record that says from which database of 2.6 a system was taken over, and when. */
const originKey = "meta/from-2.6";

interface Origin {
  readonly path: string;
  readonly term: string;
  readonly index: string;
  /** Of the database's file; see legacyTransaction. */
  readonly transaction: string;
  /** RFC 3339. */
  readonly at: string;
}

/** The records of ours that a database of 2.6 becomes. */
export async function recordsFromLegacy(
  database: LegacyDatabase,
  now: Date,
): Promise<ReadonlyMap<string, string>> {
  const { dir, last, state } = database;
  const origin: Origin = {
    path: legacyPath(dir),
    term: String(last.term),
    index: String(last.index),
    transaction: (await hasLegacyDatabase(dir)) ? String(await legacyTransaction(dir)) : "",
    at: now.toISOString(),
  };
  return new Map([...stateToRecords(state), [originKey, JSON.stringify(origin)]]);
}

/**
 * Before a server with one replica founds a system: when `dir` holds the database of DAOS 2.6 and none of ours, it
 * becomes ours. The files of 2.6 are only read. A crash at any point leaves all of our database, or none and the
 * next start does it again. False: there was nothing to take over.
 * @throws Fault 600: 2.6 runs on it, it cannot be understood, or several replicas had shared it
 */
export async function takeOverLegacy(dir: string, log: Logger): Promise<boolean> {
  if ((await exists(sqlitePath(dir))) || !(await hasLegacyDatabase(dir))) return false;
  const database = await readManagementDatabase(dir);
  const { servers, last, notices } = database;
  if (voterCount(database) > 1) {
    throw faultLegacyNeedsImport(
      legacyPath(dir),
      servers.map(({ address }) => address),
    );
  }
  for (const notice of notices) log.notice(notice);
  await writeDatabase(dir, await recordsFromLegacy(database, new Date()));
  log.notice(
    `took over the management database of DAOS 2.6 in ${legacyPath(dir)} up to entry ${last.index} of term ` +
      `${last.term}: ${describeSystem(database.state)}; the files of DAOS 2.6 stay as they are`,
  );
  return true;
}

/** What a system holds, on one line: for people to see that it is the right one, and whole. */
export function describeSystem(state: SystemState): string {
  const labels = [...state.pools.values()].map(({ label, uuid }) => label || uuid).sort();
  return (
    `ranks ${formatRanks(state.members.keys()) || "none"}, pools ${labels.join(", ") || "none"}, ` +
    `${state.attributes.size} attributes, map version ${state.mapVersion}`
  );
}

/**
 * Tells, once a start, of a database of 2.6 that lies beside ours and is not used; and with more weight when 2.6 has
 * changed it since we took it over, for those changes are not in our system.
 */
export async function tellOfLegacy(
  dir: string,
  records: ReadonlyMap<string, string>,
  log: Logger,
): Promise<void> {
  if (!(await hasLegacyDatabase(dir))) return;
  const path = legacyPath(dir);
  const text = records.get(originKey);
  const origin = text === undefined ? undefined : (JSON.parse(text) as Origin);
  if (origin?.path !== path) {
    log.notice(`the management database of DAOS 2.6 in ${path} is not used: this server has one of its own`);
    return;
  }
  const written = await writtenSince(dir, origin);
  if (written === undefined) {
    log.notice(
      `the management database of DAOS 2.6 in ${path} was taken over at ${origin.at} and is not used`,
    );
  } else {
    log.error(
      `the management database of DAOS 2.6 in ${path} was changed after it was taken over at ${origin.at} ` +
        `(${written}): a daos_server of DAOS 2.6 has run on this storage, and what it did is not in this ` +
        "system. `daosctl server ms import` on the stopped server takes its state instead",
    );
  }
}

/** What has happened to the database since, or undefined: nothing that matters. */
async function writtenSince(dir: string, origin: Origin): Promise<string | undefined> {
  try {
    if (String(await legacyTransaction(dir)) === origin.transaction) return undefined;
    // Looking at it with 2.6's own tools writes to the file, but adds no entry.
    const { index, term } = (await readManagementDatabase(dir)).last;
    if (String(index) === origin.index && String(term) === origin.term) return undefined;
    return `entry ${origin.index} of term ${origin.term} was the last, now ${index} of ${term}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Writes aside, then puts in place. */
async function writeDatabase(dir: string, records: ReadonlyMap<string, string>): Promise<void> {
  const draft = join(dir, "taking-over");
  await rm(draft, { recursive: true, force: true });
  const store = await openSqliteStore({ dir: draft, addr: "" });
  try {
    await store.commit([...records].map(([key, value]) => ({ key, value })));
  } finally {
    await store.close();
  }
  await rename(sqlitePath(draft), sqlitePath(dir));
  await syncFolder(dir);
  await rm(draft, { recursive: true, force: true });
}
