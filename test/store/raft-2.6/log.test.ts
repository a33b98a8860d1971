import { expect, test } from "bun:test";
import type { Bbolt } from "../../../src/store/raft-2.6/bbolt.ts";
import { type RaftEntry, readEntries, readTerms } from "../../../src/store/raft-2.6/log.ts";

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([0xd9, Buffer.byteLength(value)]), Buffer.from(value)]);
}

/** As 2.6 packs a map of short texts and small numbers. */
function pack(fields: Readonly<Record<string, number | string | Buffer>>): Buffer {
  const parts = Object.entries(fields).flatMap(([name, value]) => [
    text(name),
    typeof value === "number" ? Buffer.from([value]) : Buffer.isBuffer(value) ? value : text(value),
  ]);
  return Buffer.concat([Buffer.from([0x80 | (parts.length / 2)]), ...parts]);
}

function raw(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xc5, bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function indexKey(index: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(index));
  return key;
}

function database(buckets: Readonly<Record<string, readonly (readonly [Buffer, Buffer])[]>>): Bbolt {
  return {
    txid: 1n,
    bucket(name) {
      const entries = buckets[name];
      return Promise.resolve(
        entries &&
          (async function* () {
            for (const [key, value] of entries) yield await Promise.resolve({ key, value });
          })(),
      );
    },
  };
}

function log(...entries: readonly (readonly [number, Buffer])[]): Bbolt {
  return database({ logs: entries.map(([index, value]) => [indexKey(index), value]) });
}

async function all(db: Bbolt, after = 0n): Promise<RaftEntry[]> {
  return Array.fromAsync(readEntries(db, after));
}

const command = (index: number) => pack({ Index: index, Term: 1, Type: 0, Data: "{}" });

test("entries are commands, configurations and marks", async () => {
  const server = (address: string, suffrage: number) =>
    pack({ Suffrage: suffrage, ID: address, Address: address });
  const servers = Buffer.concat([Buffer.from([0x92]), server("a:1", 0), server("b:1", 1)]);
  const found = await all(
    log(
      [1, pack({ Index: 1, Term: 1, Type: 5, Data: raw(pack({ Servers: servers })) })],
      [2, pack({ Index: 2, Term: 1, Type: 1, Data: Buffer.from([0xc0]) })],
      [3, pack({ Index: 3, Term: 2, Type: 4, Data: Buffer.from([0xc0]) })],
      [4, pack({ Index: 4, Term: 2, Type: 0, Data: '{"Op":7}' })],
    ),
  );
  expect(found).toEqual([
    {
      index: 1n,
      term: 1n,
      content: {
        kind: "configuration",
        servers: [
          { address: "a:1", voter: true },
          { address: "b:1", voter: false },
        ],
      },
    },
    { index: 2n, term: 1n, content: { kind: "mark" } },
    { index: 3n, term: 2n, content: { kind: "mark" } },
    { index: 4n, term: 2n, content: { kind: "command", json: Buffer.from('{"Op":7}') } },
  ]);
});

test("those that a snapshot covers are passed over, however many are missing among them", async () => {
  const found = await all(log([3, command(3)], [7, command(7)], [8, command(8)]), 6n);
  expect(found.map(({ index }) => index)).toEqual([7n, 8n]);
});

test.each<[string, Bbolt, bigint, string]>([
  ["the first is missing", log([2, command(2)]), 0n, "entries 1 to 1 of the log are missing"],
  ["one after the snapshot is", log([9, command(9)]), 6n, "entries 7 to 8 of the log are missing"],
  ["one between is", log([1, command(1)], [3, command(3)]), 0n, "entries 2 to 2 of the log are missing"],
  ["one is another", log([1, command(2)]), 0n, "it says it is another one"],
  ["one is of a later kind", log([1, pack({ Index: 1, Term: 1, Type: 6, Data: "" })]), 0n, "type 6 is not"],
  ["one has no content", log([1, pack({ Index: 1, Term: 1, Type: 0 })]), 0n, "it has no content"],
  ["one is no map", log([1, Buffer.from([1])]), 0n, "it is no map"],
  ["one has no number", database({ logs: [[Buffer.from("x"), command(1)]] }), 0n, "has no index"],
  ["there is none", database({}), 0n, "it has no log"],
])("a log is refused when %s", async (_, db, after, why) => {
  await expect(all(db, after)).rejects.toThrow(why);
});

test("a replica that never voted remembers nothing", async () => {
  expect(await readTerms(database({ conf: [] }))).toEqual({
    currentTerm: 0n,
    lastVoteTerm: 0n,
    lastVote: "",
  });
});

test("a term that is no number is refused", async () => {
  const db = database({ conf: [[Buffer.from("CurrentTerm"), Buffer.from("x")]] });
  await expect(readTerms(db)).rejects.toThrow("CurrentTerm is not a number");
});
