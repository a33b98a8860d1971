import { Database, SQLiteError } from "bun:sqlite";
import { chmodSync, closeSync, constants, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Fault } from "../faults/fault.ts";
import {
  faultStoreCorrupt,
  faultStoreFailed,
  faultStoreFull,
  faultStoreLocked,
  faultStoreNewer,
} from "./faults.ts";
import type { StoreOp } from "./store.ts";

/** "daos" in ASCII: tells our files from any other SQLite database. */
const applicationId = 0x64616f73;
const schemaVersion = 1;

/** A file with more free pages than this, and more free than used, is made smaller when it is opened. */
const worthwhileFreePages = 256;

/** The database file of a folder. */
export function sqlitePath(dir: string): string {
  return join(dir, "system.sqlite");
}

/** A key-value table in one SQLite file, held by this process alone. Every call blocks; see sqlite-worker.ts. */
export interface SqliteFile {
  /** How often the file has been opened, this time included. */
  readonly term: bigint;
  load(): Map<string, string>;
  /** One transaction: all of it is on disk when this returns, or none. */
  commit(ops: readonly StoreOp[]): void;
  close(): void;
}

/**
 * Opens the database of `dir`, making both when they do not exist (0700, 0600). Checks that the file is
 * whole and of a schema we know, and keeps it locked until close or death.
 * @throws Fault 600 saying what is wrong with the file.
 */
export function openSqliteFile(dir: string): SqliteFile {
  const path = sqlitePath(dir);
  return guard(path, () => {
    createPrivately(dir, path);
    const db = new Database(path, { readwrite: true, create: false, strict: true });
    try {
      lockAndCheck(db, path);
      return fileOver(db, path, raiseTerm(db));
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

function createPrivately(dir: string, path: string): void {
  const made = mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (made !== undefined) syncFolder(dirname(made));
  chmodSync(dir, 0o700);
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
  chmodSync(path, 0o600);
  syncFolder(dir);
}

function syncFolder(dir: string): void {
  const fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function pragmaNumber(db: Database, name: string): number {
  return Number(db.query<Record<string, unknown>, []>(`PRAGMA ${name}`).get()?.[name] ?? 0);
}

function lockAndCheck(db: Database, path: string): void {
  // Before WAL: the lock is then held without shared memory, from the first access until close.
  db.run("PRAGMA locking_mode = EXCLUSIVE");
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  db.run("BEGIN EXCLUSIVE");
  const found = pragmaNumber(db, "user_version");
  if (found > schemaVersion) throw faultStoreNewer(path, found, schemaVersion);
  const id = pragmaNumber(db, "application_id");
  if (id !== 0 && id !== applicationId) throw faultStoreCorrupt(path, "the file belongs to another program");
  db.run("CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID");
  db.run("CREATE TABLE IF NOT EXISTS terms (id INTEGER PRIMARY KEY CHECK (id = 1), term INTEGER NOT NULL)");
  db.run(`PRAGMA application_id = ${applicationId}`);
  db.run(`PRAGMA user_version = ${schemaVersion}`);
  db.run("COMMIT");
  const verdict = db.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get()?.quick_check;
  if (verdict !== "ok") throw faultStoreCorrupt(path, verdict ?? "no answer from the integrity check");
  const freePages = pragmaNumber(db, "freelist_count");
  if (freePages > worthwhileFreePages && freePages * 2 > pragmaNumber(db, "page_count")) db.run("VACUUM");
}

function raiseTerm(db: Database): bigint {
  const row = db
    .query<{ term: number }, []>(
      "INSERT INTO terms VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET term = term + 1 RETURNING term",
    )
    .get();
  return BigInt(row?.term ?? 1);
}

function fileOver(db: Database, path: string, term: bigint): SqliteFile {
  const put = db.query("INSERT INTO kv VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2");
  const remove = db.query("DELETE FROM kv WHERE key = ?1");
  const commit = db.transaction((ops: readonly StoreOp[]) => {
    for (const op of ops) {
      if (op.value === undefined) remove.run(op.key);
      else put.run(op.key, op.value);
    }
  });
  return {
    term,
    load() {
      const rows = guard(path, () => db.query<{ key: string; value: string }, []>("SELECT * FROM kv").all());
      return new Map(rows.map((row) => [row.key, row.value]));
    },
    commit(ops) {
      guard(path, () => commit.immediate(ops));
    },
    close() {
      guard(path, () => db.close());
    },
  };
}

/** Runs `action`, turning what SQLite and the file system say into faults. */
function guard<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw asStoreFault(path, error);
  }
}

function asStoreFault(path: string, error: unknown): Fault | Error {
  const code = errorCode(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) return faultStoreLocked(path);
  if (code.startsWith("SQLITE_FULL") || code === "ENOSPC" || code === "EDQUOT") return faultStoreFull(path);
  if (code.startsWith("SQLITE_CORRUPT") || code.startsWith("SQLITE_NOTADB"))
    return faultStoreCorrupt(path, text);
  if (error instanceof SQLiteError || code !== "") return faultStoreFailed(path, text);
  return error instanceof Error ? error : new Error(text);
}

function errorCode(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
