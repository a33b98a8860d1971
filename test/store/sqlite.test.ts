import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { sqlitePath } from "../../src/store/sqlite-file.ts";
import { storeConformance } from "./conformance.ts";

const addr = "10.0.0.1:10001";
const open = (dir: string) => openSqliteStore({ dir, addr });

storeConformance({ name: "SQLite", open });

describe("the SQLite file", () => {
  let root: string;
  let dir: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "daosctl-sqlite-"));
    dir = join(root, "a", "db");
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const mode = async (path: string) => (await stat(path)).mode & 0o777;

  test("is private, and so is its folder, also where they were not", async () => {
    let store = await open(dir);
    await store.commit([{ key: "a", value: "1" }]);
    expect(await mode(dir)).toBe(0o700);
    expect(await mode(sqlitePath(dir))).toBe(0o600);
    expect(await mode(`${sqlitePath(dir)}-wal`)).toBe(0o600);
    await store.close();
    await chmod(dir, 0o755);
    await chmod(sqlitePath(dir), 0o644);
    store = await open(dir);
    expect(await mode(dir)).toBe(0o700);
    expect(await mode(sqlitePath(dir))).toBe(0o600);
    await store.close();
  });

  test("names this server as the leader", async () => {
    const store = await open(dir);
    expect(store.leadership()).toEqual({ leader: true, term: 1n, leaderHint: addr });
    await store.close();
  });

  test("is written with write-ahead log and full synchronisation", async () => {
    const store = await open(dir);
    await store.commit([{ key: "a", value: "1" }]);
    await store.close();
    // Bytes 18 and 19 of the header: 2 is WAL (https://sqlite.org/fileformat.html).
    const header = await readFile(sqlitePath(dir));
    expect([header[18], header[19]]).toEqual([2, 2]);
  });

  test("is not opened twice at a time", async () => {
    const store = await open(dir);
    await expect(open(dir)).rejects.toMatchObject({
      code: 600,
      description: `the system database ${sqlitePath(dir)} is in use by another process`,
    });
    await store.commit([{ key: "still", value: "ours" }]);
    await store.close();
    await (await open(dir)).close();
  });

  test("is refused when it is no database", async () => {
    await (await open(dir)).close();
    await writeFile(sqlitePath(dir), "x".repeat(8192));
    await expect(open(dir)).rejects.toThrow("is damaged");
  });

  test("is refused when pages of it are damaged", async () => {
    const store = await open(dir);
    for (let n = 0; n < 300; n++) await store.commit([{ key: `key/${n}`, value: "v".repeat(100) }]);
    await store.close();
    const bytes = await readFile(sqlitePath(dir));
    bytes.fill(0xa5, 4096 * 3, 4096 * 6);
    await writeFile(sqlitePath(dir), bytes);
    await expect(open(dir)).rejects.toThrow("is damaged");
  });

  test("is refused when a newer version has written it", async () => {
    await (await open(dir)).close();
    const db = new Database(sqlitePath(dir));
    db.run("PRAGMA user_version = 99");
    db.close();
    await expect(open(dir)).rejects.toThrow("has schema version 99, newer than 1");
  });

  test("is refused when another program has written it", async () => {
    await (await open(dir)).close();
    const db = new Database(sqlitePath(dir));
    db.run("PRAGMA application_id = 7");
    db.close();
    await expect(open(dir)).rejects.toThrow("belongs to another program");
  });

  test("shrinks when most of it has become free", async () => {
    const value = "x".repeat(10_000);
    const keys = Array.from({ length: 300 }, (_, n) => `key/${n}`);
    let store = await open(dir);
    await store.commit(keys.map((key) => ({ key, value })));
    await store.commit(keys.slice(1).map((key) => ({ key, value: undefined })));
    await store.close();
    const before = (await stat(sqlitePath(dir))).size;
    store = await open(dir);
    expect([...(await store.load()).keys()]).toEqual(["key/0"]);
    await store.close();
    expect((await stat(sqlitePath(dir))).size).toBeLessThan(before / 10);
  });

  test("cannot be made where no folder can be", async () => {
    await writeFile(join(root, "file"), "");
    await expect(open(join(root, "file", "db"))).rejects.toMatchObject({ code: 600 });
  });

  test("does not keep the event loop while it is written", async () => {
    const store = await open(dir);
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    const value = "x".repeat(50_000);
    for (let n = 0; n < 20; n++) {
      await store.commit(Array.from({ length: 20 }, (_, k) => ({ key: `${n}/${k}`, value })));
    }
    clearInterval(counting);
    expect(turns).toBeGreaterThan(5);
    await store.close();
  });
});
