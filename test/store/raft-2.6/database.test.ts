import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Fault } from "../../../src/faults/fault.ts";
import { crc64 } from "../../../src/store/raft-2.6/crc64.ts";
import {
  hasLegacyDatabase,
  legacyPath,
  legacyTransaction,
  readLegacy,
  readManagementDatabase,
} from "../../../src/store/raft-2.6/database.ts";
import { comparePositions, latestDatabase, voterCount } from "../../../src/store/raft-2.6/latest.ts";
import { readSnapshotFolder, writeSnapshotFolder } from "../../../src/store/raft-2.6/snapshots.ts";
import { readSnapshot, writeSnapshot } from "../../../src/system/snapshot-2.6.ts";
import type { SystemState } from "../../../src/system/types.ts";
import { layOut, recordedBytes, recovered } from "./recorded.ts";

const scratch = mkdtempSync(join(tmpdir(), "raft-2.6-"));
let dir = "";
let count = 0;
beforeEach(() => {
  dir = join(scratch, `db${count++}`);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const snapshotName = "3-114-1795610751637";

/** The same whatever the order of records. */
function sorted(state: SystemState): unknown {
  return Object.fromEntries(
    Object.entries(state).map(([key, value]) => [
      key,
      value instanceof Map ? new Map([...value].sort(([a], [b]) => (a < b ? -1 : 1))) : value,
    ]),
  );
}

describe("a database of 2.6.0", () => {
  test("is the log alone when there is no snapshot yet", async () => {
    const { state, ...rest } = await readManagementDatabase(layOut(dir, "log"));
    expect(rest).toEqual({
      dir,
      last: { term: 2n, index: 42n },
      servers: [{ address: "127.0.0.1:10001", voter: true }],
      terms: { currentTerm: 2n, lastVoteTerm: 2n, lastVote: "127.0.0.1:10001" },
      snapshot: undefined,
      entries: 42,
      notices: [],
    });
    expect([...state.members.values()].map(({ rank, addr, state: is }) => [rank, addr, is])).toEqual([
      [0, "127.0.0.1:10001", "Joined"],
      [1, "10.0.0.1:10001", "Joined"],
    ]);
    expect(state.members.get(1)?.incarnation).toBe(2974896661866741761n);
    expect([...state.poolsByLabel.keys()]).toEqual(["tank", "tink"]);
    expect(state.attributes.get("color")).toBe("blue");
    expect(state).toMatchObject({ version: 13n, nextRank: 2, mapVersion: 5 });
  });

  test("is the newest snapshot and the log after it, as 2.6.0's own recovery makes it", async () => {
    const { state, last, snapshot, entries } = await readManagementDatabase(layOut(dir, "snapshot"));
    const theirs = await readSnapshotFolder(recovered);
    expect(last).toEqual({ term: theirs.term, index: theirs.index });
    expect(snapshot).toEqual({ path: join(dir, "snapshots", snapshotName), index: 114n });
    expect(entries).toBe(170);
    expect(sorted(state)).toEqual(sorted(readSnapshot(theirs.text)));
  });

  test("is the same from its whole log, numbers of fault domains included", async () => {
    const { state, entries } = await readManagementDatabase(layOut(dir, "snapshot", false));
    expect(entries).toBe(284);
    expect(sorted(state)).toEqual(sorted(readSnapshot((await readSnapshotFolder(recovered)).text)));
  });

  test("is told to be absent, and what to name instead", async () => {
    expect(await hasLegacyDatabase(dir)).toBe(false);
    await expect(readManagementDatabase(dir)).rejects.toMatchObject({
      code: 600,
      description: expect.stringContaining("holds no management database"),
      resolution: expect.stringContaining("control_raft"),
    });
  });

  test("is not read while 2.6.0 has it open", async () => {
    layOut(dir, "log");
    const holder = Bun.spawn(["flock", legacyPath(dir), "sh", "-c", "echo; exec cat"], {
      stdin: "pipe",
      stdout: "pipe",
    });
    try {
      await holder.stdout.getReader().read();
      await expect(readManagementDatabase(dir)).rejects.toThrow("is in use");
    } finally {
      holder.stdin.end();
      await holder.exited;
    }
    expect((await readManagementDatabase(dir)).entries).toBe(42);
  });

  test("knows its transaction", async () => {
    layOut(dir, "log");
    expect(await legacyTransaction(dir)).toBeGreaterThan(42n);
  });
});

describe("a snapshot that is damaged", () => {
  test("is passed over for the log, and told of", async () => {
    layOut(dir, "snapshot");
    await truncate(join(dir, "snapshots", snapshotName, "state.bin"), 3000);
    const { entries, notices } = await readManagementDatabase(dir);
    expect(entries).toBe(284);
    expect(notices).toEqual([expect.stringContaining("its checksum is not that of its content")]);
  });

  test("or half written is no snapshot", async () => {
    layOut(dir, "snapshot");
    await rm(join(dir, "snapshots", snapshotName, "meta.json"));
    expect((await readManagementDatabase(dir)).snapshot).toBeUndefined();
  });

  test("alone is refused as such", async () => {
    layOut(dir, "snapshot");
    const alone = join(dir, "snapshots", snapshotName);
    expect((await readLegacy(alone)).last.index).toBe(114n);
    writeFileSync(join(alone, "state.bin"), "{}");
    await expect(readLegacy(alone)).rejects.toThrow("damaged or incomplete");
  });
});

describe("a database that is damaged", () => {
  test("is a system or a Fault 600, whatever is damaged", async () => {
    const whole = recordedBytes("log");
    layOut(dir, "log");
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            at: fc.integer({ min: 8192, max: whole.length - 1 }),
            bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
          }),
          { minLength: 1, maxLength: 10 },
        ),
        fc.integer({ min: 0, max: whole.length }),
        async (patches, keep) => {
          const bytes = Buffer.from(whole);
          for (const patch of patches) bytes.set(patch.bytes.slice(0, bytes.length - patch.at), patch.at);
          writeFileSync(legacyPath(dir), keep % 4 === 0 ? bytes.subarray(0, keep) : bytes);
          try {
            await readManagementDatabase(dir);
          } catch (error) {
            expect(error).toBeInstanceOf(Fault);
            expect((error as Fault).code).toBe(600);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("a snapshot for 2.6.0", () => {
  test("comes back as it was written", async () => {
    const { state, last, servers } = await readManagementDatabase(layOut(dir, "snapshot"));
    const path = join(scratch, "export", "1-2-3");
    await writeSnapshotFolder(path, writeSnapshot(state), { ...last, servers });
    const { text, ...meta } = await readSnapshotFolder(path);
    expect(meta).toEqual({ path, ...last, servers });
    expect(sorted(readSnapshot(text))).toEqual(sorted(state));
  });

  test("has metadata of the form 2.6.0 writes", async () => {
    const theirs = JSON.parse(readFileSync(join(recovered, "meta.json"), "utf8"));
    const path = join(dir, theirs.ID);
    const state = readFileSync(join(recovered, "state.bin"), "utf8");
    const { index, term, servers } = await readSnapshotFolder(recovered);
    await writeSnapshotFolder(path, state, { index, term, servers });
    expect(JSON.parse(readFileSync(join(path, "meta.json"), "utf8"))).toEqual(theirs);
  });

  test("replaces none that is there", async () => {
    const meta = { index: 1n, term: 1n, servers: [] };
    await writeSnapshotFolder(join(dir, "1-1-1"), "{}", meta);
    await expect(writeSnapshotFolder(join(dir, "1-1-1"), "[]", meta)).rejects.toThrow();
    expect(readFileSync(join(dir, "1-1-1", "state.bin"), "utf8")).toBe("{}");
  });

  test("is summed as Go does: the check value of CRC-64/XZ", () => {
    expect(crc64(Buffer.from("123456789")).toString("hex")).toBe("995dc9bbdf1939fa");
  });
});

describe("of several replicas", () => {
  const three = ["a:1", "b:1", "c:1"].map((address) => ({ address, voter: true }));
  async function databases() {
    const early = await readManagementDatabase(layOut(join(dir, "early"), "log"));
    const late = await readManagementDatabase(layOut(join(dir, "late"), "snapshot"));
    return { early: { ...early, servers: three }, late: { ...late, servers: three } };
  }

  test("the one with the later term counts, then the one with the later entry", () => {
    expect(comparePositions({ term: 3n, index: 1n }, { term: 2n, index: 9n })).toBeGreaterThan(0);
    expect(comparePositions({ term: 2n, index: 1n }, { term: 2n, index: 9n })).toBeLessThan(0);
    expect(comparePositions({ term: 2n, index: 9n }, { term: 2n, index: 9n })).toBe(0);
  });

  test("the latest is taken, in whatever order they are named", async () => {
    const { early, late } = await databases();
    expect(latestDatabase([early, late], false)).toBe(late);
    expect(latestDatabase([late, early], false)).toBe(late);
  });

  test("recorded ones of three show what the stopped one missed", async () => {
    const one = await readManagementDatabase(layOut(join(dir, "1"), "three-1"));
    const three = await readManagementDatabase(layOut(join(dir, "3"), "three-3"));
    expect(one.servers.map(({ address }) => address).sort()).toEqual(
      [1, 2, 3].map((host) => `10.78.0.${host}:10001`),
    );
    expect([one.last, three.last]).toEqual([
      { term: 2n, index: 58n },
      { term: 2n, index: 39n },
    ]);
    expect(latestDatabase([three, one], false)).toBe(one);
    expect([...one.state.poolsByLabel.keys()].sort()).toEqual(["tank", "two"]);
    expect([...three.state.poolsByLabel.keys()]).toEqual(["tank"]);
    expect(() => latestDatabase([three], false)).toThrow("what 1 of 3 replicas know");
  });

  test("one of three is too few, unless the others are lost", async () => {
    const { late } = await databases();
    expect(() => latestDatabase([late], false)).toThrow("what 1 of 3 replicas know may lack changes");
    expect(latestDatabase([late], true)).toBe(late);
    expect(voterCount(late)).toBe(3);
  });

  test("those that only listen do not count", async () => {
    const { late } = await databases();
    const servers = [three[0]!, { address: "b:1", voter: false }];
    expect(latestDatabase([{ ...late, servers }], false).servers).toBe(servers);
  });

  test("those of another system are refused", async () => {
    const { early, late } = await databases();
    const members = new Map(
      [...late.state.members].map(([rank, member]) => [rank, { ...member, uuid: "x" }]),
    );
    expect(() => latestDatabase([early, { ...late, state: { ...late.state, members } }], false)).toThrow(
      "are not of the same system",
    );
  });
});
