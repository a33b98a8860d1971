import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "../../../src/log/logger.ts";
import { readManagementDatabase } from "../../../src/store/raft-2.6/database.ts";
import {
  describeSystem,
  recordsFromLegacy,
  takeOverLegacy,
  tellOfLegacy,
} from "../../../src/store/raft-2.6/takeover.ts";
import { openSqliteStore } from "../../../src/store/sqlite.ts";
import { stateFromRecords } from "../../../src/system/records.ts";
import { emptyState } from "../../../src/system/state.ts";
import { layOut, recordedBytes } from "./recorded.ts";

const scratch = mkdtempSync(join(tmpdir(), "takeover-"));
let dir = "";
let count = 0;
let lines: string[] = [];
const log: Logger = {
  debug: (text) => void lines.push(`DEBUG ${text}`),
  info: (text) => void lines.push(`INFO ${text}`),
  notice: (text) => void lines.push(`NOTICE ${text}`),
  error: (text) => void lines.push(`ERROR ${text}`),
};
beforeEach(() => {
  dir = join(scratch, `db${count++}`);
  lines = [];
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function records(): Promise<ReadonlyMap<string, string>> {
  const store = await openSqliteStore({ dir, addr: "127.0.0.1:10001" });
  return store.load().finally(() => store.close());
}

/** Every file of 2.6 with its sum. */
function theirFiles(): Map<string, string> {
  const names = readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => /^(daos_system\.db|snapshots\/.*\.(json|bin))$/.test(name))
    .sort();
  return new Map(
    names.map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(dir, name)))
        .digest("hex"),
    ]),
  );
}

describe("a server with one replica", () => {
  test("takes over what 2.6.0 has left, says what it is, and changes none of its files", async () => {
    layOut(dir, "snapshot");
    const before = theirFiles();
    expect(before.size).toBe(3);
    const { state } = await readManagementDatabase(dir);

    expect(await takeOverLegacy(dir, log)).toBe(true);
    expect(stateFromRecords(await records(), emptyState())).toEqual(state);
    expect(theirFiles()).toEqual(before);
    expect(lines).toEqual([
      expect.stringMatching(
        /^NOTICE took over the management database of DAOS 2\.6 in .*daos_system\.db up to entry 284 of term 3: ranks 0-4, pools tank, tink, \d+ attributes, map version \d+; the files of DAOS 2\.6 stay as they are$/,
      ),
    ]);
  });

  test("does nothing where 2.6.0 has left nothing", async () => {
    mkdirSync(dir);
    expect(await takeOverLegacy(dir, log)).toBe(false);
    expect(readdirSync(dir)).toEqual([]);
  });

  test("keeps its own where both lie", async () => {
    layOut(dir, "log");
    const store = await openSqliteStore({ dir, addr: "" });
    await store.commit([{ key: "attr/mine", value: '"yes"' }]);
    await store.close();
    expect(await takeOverLegacy(dir, log)).toBe(false);
    expect([...(await records()).keys()]).toEqual(["attr/mine"]);
  });

  test("does it again when it was broken off before all was in place", async () => {
    layOut(dir, "log");
    const draft = await openSqliteStore({ dir: join(dir, "taking-over"), addr: "" });
    await draft.commit([{ key: "attr/half", value: '"done"' }]);
    await draft.close();
    expect(await takeOverLegacy(dir, log)).toBe(true);
    expect((await records()).has("attr/half")).toBe(false);
    expect((await records()).has("member/1")).toBe(true);
    expect(existsSync(join(dir, "taking-over"))).toBe(false);
  });

  test("founds nothing beside what it would have to share with two others", async () => {
    layOut(dir, "three-1");
    await expect(takeOverLegacy(dir, log)).rejects.toMatchObject({
      code: 600,
      description: expect.stringMatching(/replicas 10\.78\.0\.\d:10001, .*not taken over by itself/),
      resolution: expect.stringContaining("daosctl server ms import"),
    });
    expect(readdirSync(dir).sort()).toEqual(["daos_system.db", "snapshots"]);
  });

  test("founds nothing beside what it cannot read", async () => {
    layOut(dir, "log");
    writeFileSync(join(dir, "daos_system.db"), recordedBytes("log").subarray(0, 20_000));
    await expect(takeOverLegacy(dir, log)).rejects.toThrow("damaged or incomplete");
    expect(readdirSync(dir).sort()).toEqual(["daos_system.db", "snapshots"]);
  });
});

describe("a database of 2.6.0 beside ours", () => {
  async function taken(): Promise<ReadonlyMap<string, string>> {
    layOut(dir, "log");
    await takeOverLegacy(dir, log);
    lines = [];
    return records();
  }

  test("that was taken over is told of as such", async () => {
    await tellOfLegacy(dir, await taken(), log);
    expect(lines).toEqual([expect.stringMatching(/^NOTICE .* was taken over at .* and is not used$/)]);
  });

  test("that 2.6.0 has gone on with is an error: what it did is not in our system", async () => {
    const ours = await taken();
    writeFileSync(join(dir, "daos_system.db"), recordedBytes("snapshot"));
    await tellOfLegacy(dir, ours, log);
    expect(lines).toEqual([
      expect.stringContaining(
        "entry 42 of term 2 was the last, now 284 of 3): a daos_server of DAOS 2.6 has run",
      ),
    ]);
    expect(lines[0]).toMatch(/^ERROR .*daosctl server ms import/);
  });

  test("that was only opened by 2.6.0's tools is no error", async () => {
    const ours = new Map(await taken());
    const origin = JSON.parse(ours.get("meta/from-2.6") ?? "");
    ours.set("meta/from-2.6", JSON.stringify({ ...origin, transaction: "1" }));
    await tellOfLegacy(dir, ours, log);
    expect(lines).toEqual([expect.stringMatching(/^NOTICE/)]);
  });

  test("that has nothing to do with ours is not used", async () => {
    layOut(dir, "log");
    await tellOfLegacy(dir, new Map(), log);
    expect(lines).toEqual([expect.stringContaining("is not used: this server has one of its own")]);
  });

  test("that is not there is not told of", async () => {
    await tellOfLegacy(dir, new Map(), log);
    expect(lines).toEqual([]);
  });
});

test("records from 2.6.0 carry where they are from, which a system's state does not know", async () => {
  const database = await readManagementDatabase(layOut(dir, "log"));
  const from = await recordsFromLegacy(database, new Date("2026-11-25T10:00:00Z"));
  expect(JSON.parse(from.get("meta/from-2.6") ?? "")).toMatchObject({
    path: join(dir, "daos_system.db"),
    term: "2",
    index: "42",
    at: "2026-11-25T10:00:00.000Z",
  });
  expect(stateFromRecords(from, emptyState())).toEqual(database.state);
  expect(describeSystem(emptyState())).toBe("ranks none, pools none, 0 attributes, map version 0");
});
