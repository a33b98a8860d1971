import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BboltError, bboltTransaction, openBbolt } from "../../../src/store/raft-2.6/bbolt.ts";
import { bytesSource } from "../../../src/store/raft-2.6/byte-source.ts";
import { recordedBytes } from "./recorded.ts";

const recorded = recordedBytes("snapshot");
const pageBytes = 4096;

async function keysOf(bytes: Uint8Array, bucket: string): Promise<string[]> {
  const db = await openBbolt(bytesSource(bytes));
  const keys: string[] = [];
  for await (const { key } of (await db.bucket(bucket)) ?? []) keys.push(key.toString("hex"));
  return keys;
}

describe("a database file of 2.6.0", () => {
  test("has the log by index and the terms by name", async () => {
    const indexes = (await keysOf(recorded, "logs")).map((hex) => Number.parseInt(hex, 16));
    expect(indexes).toEqual(Array.from({ length: 284 }, (_, at) => at + 1));
    const names = (await keysOf(recorded, "conf")).map((hex) => Buffer.from(hex, "hex").toString());
    expect(names).toEqual(["CurrentTerm", "LastVoteCand", "LastVoteTerm"]);
  });

  test("has no bucket but these", async () => {
    const db = await openBbolt(bytesSource(recorded));
    expect(await db.bucket("other")).toBeUndefined();
  });

  test("is read from the other meta page when one is destroyed", async () => {
    const newest = await bboltTransaction(bytesSource(recorded));
    for (const page of [0, 1]) {
      const bytes = Buffer.from(recorded);
      bytes.fill(0, page * pageBytes, (page + 1) * pageBytes);
      const left = await bboltTransaction(bytesSource(bytes));
      expect([newest, newest - 1n]).toContain(left);
    }
  });

  test("is refused when both are", async () => {
    const bytes = Buffer.from(recorded);
    bytes.fill(0, 0, 2 * pageBytes);
    await expect(openBbolt(bytesSource(bytes))).rejects.toThrow("neither of its first two pages is whole");
    await expect(openBbolt(bytesSource(Buffer.alloc(0)))).rejects.toThrow(BboltError);
  });
});

/** Flips, overwrites and cuts. Meta pages stay, so that what follows is reached. */
const damage = fc.record({
  cutAt: fc.option(fc.integer({ min: 2 * pageBytes, max: recorded.length }), { nil: undefined }),
  patches: fc.array(
    fc.record({
      at: fc.oneof(
        fc.integer({ min: 2 * pageBytes, max: recorded.length - 1 }),
        // Headers and elements of pages, where it hurts.
        fc
          .tuple(
            fc.integer({ min: 2, max: recorded.length / pageBytes - 1 }),
            fc.integer({ min: 0, max: 80 }),
          )
          .map(([page, offset]) => page * pageBytes + offset),
      ),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
    }),
    { maxLength: 8 },
  ),
});

test("whatever is damaged, reading ends, with a BboltError or with keys in order", async () => {
  await fc.assert(
    fc.asyncProperty(damage, async ({ cutAt, patches }) => {
      const bytes = Buffer.from(recorded);
      for (const patch of patches) bytes.set(patch.bytes.slice(0, bytes.length - patch.at), patch.at);
      for (const bucket of ["logs", "conf"]) {
        try {
          const keys = await keysOf(cutAt === undefined ? bytes : bytes.subarray(0, cutAt), bucket);
          expect(keys).toEqual([...keys].sort());
        } catch (error) {
          if (!(error instanceof BboltError)) throw error;
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test("any bytes at all are refused", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 10_000 }), async (bytes) => {
      await expect(openBbolt(bytesSource(bytes))).rejects.toThrow(BboltError);
    }),
  );
});

test("a tree that leads back to itself is refused", async () => {
  const bytes = Buffer.from(recorded);
  for (let at = 2 * pageBytes; at < bytes.length; at += pageBytes) {
    if (bytes.readUInt16LE(at + 8) !== 1) continue;
    // Every child of a branch becomes the branch itself.
    const id = bytes.readBigUInt64LE(at);
    for (let child = 0; child < bytes.readUInt16LE(at + 10); child++) {
      bytes.writeBigUInt64LE(id, at + 16 + child * 16 + 8);
    }
  }
  await expect(keysOf(bytes, "logs")).rejects.toThrow("stands in a tree twice");
});
