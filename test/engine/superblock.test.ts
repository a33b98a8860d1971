import { describe, expect, test } from "bun:test";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import {
  formatSuperblock,
  newSuperblock,
  parseSuperblock,
  readSuperblock,
  removeSuperblock,
  type Superblock,
  writeSuperblock,
} from "../../src/engine/superblock.ts";
import { tempFolder } from "../support/temp.ts";

const UUID = "21ccde43-7092-45f3-b988-4339755736b7";

test("before the join the file is, byte for byte, that of 2.6", () => {
  expect(formatSuperblock(newSuperblock(UUID, "daos_server", "/vm"))).toBe(`version: 1
uuid: ${UUID}
system: daos_server
rank: null
uri: ""
validrank: false
hostfaultdomain: /vm
`);
});

test("after it rank and URI stand there", () => {
  const joined = {
    ...newSuperblock(UUID, "daos_server", "/vm"),
    rank: 0,
    uri: "ofi+tcp://127.0.0.1:31416",
    validRank: true,
  };
  expect(formatSuperblock(joined)).toBe(`version: 1
uuid: ${UUID}
system: daos_server
rank: 0
uri: ofi+tcp://127.0.0.1:31416
validrank: true
hostfaultdomain: /vm
`);
});

const superblocks: fc.Arbitrary<Superblock> = fc.record({
  version: fc.constant(1),
  uuid: fc.uuid(),
  system: fc.string({ minLength: 1 }),
  rank: fc.option(fc.nat(0xfffffffe), { nil: undefined }),
  uri: fc.string(),
  validRank: fc.boolean(),
  hostFaultDomain: fc.string(),
});

test("what is written is what is read, whatever the names", () => {
  fc.assert(
    fc.property(superblocks, (superblock) => {
      expect(parseSuperblock(formatSuperblock(superblock))).toEqual(superblock);
    }),
  );
});

describe("reading", () => {
  const good = formatSuperblock(newSuperblock(UUID, "daos_server", "/vm"));

  test.each([
    ["", "not a YAML mapping"],
    ["- 1", "not a YAML mapping"],
    [good.replace("version: 1", "version: 2"), "unknown version 2"],
    [good.replace("rank: null", "rank: -1"), 'bad or missing "rank"'],
    [good.replace("rank: null", "rank: one"), 'bad or missing "rank"'],
    [good.replace(/uuid.*\n/, ""), 'bad or missing "uuid"'],
    [good.replace("validrank: false", "validrank: maybe"), 'bad or missing "validrank"'],
  ])("%p is refused, naming what is wrong", (text, complaint) => {
    expect(() => parseSuperblock(text)).toThrow(complaint);
  });

  test("a file that is not there is none", async () => {
    await using folder = await tempFolder();
    expect(await readSuperblock(join(folder.path, "superblock"))).toBeUndefined();
  });

  test("a file that is broken is an error, not none", async () => {
    await using folder = await tempFolder();
    await writeFile(join(folder.path, "superblock"), "version: 1\nuuid");
    await expect(readSuperblock(join(folder.path, "superblock"))).rejects.toThrow();
  });
});

test("the file is for its owner alone and leaves nothing beside it", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "superblock");
  await writeSuperblock(path, newSuperblock(UUID, "daos_server", "/vm"));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder.path)).toEqual(["superblock"]);
  await removeSuperblock(path);
  await removeSuperblock(path);
  expect(await readSuperblock(path)).toBeUndefined();
});
