import { expect, test } from "bun:test";
import fs from "node:fs";
import { codeMappings, releaseCodePages } from "../../src/ffi/memory.ts";

test("only code of the file itself is let go of, never what may have been written", () => {
  const maps = `00200000-01a38000 r--p 00000000 fe:00 1 /usr/bin/daosctl
01a38000-06841000 r-xp 01838000 fe:00 1 /usr/bin/daosctl
06841000-06856000 rw-p 06641000 fe:00 1 /usr/bin/daosctl
7f0000000000-7f0000100000 rwxp 00000000 00:00 0
7f1000000000-7f1000100000 r-xp 00000000 fe:00 2 /usr/lib/libc.so.6
`;
  expect(codeMappings(maps, "/usr/bin/daosctl")).toEqual([{ start: 0x01a38000n, bytes: 0x04e09000n }]);
  expect(codeMappings(maps, "/usr/bin/other")).toEqual([]);
});

test("resident file memory shrinks, and everything works as before", async () => {
  const fileKib = () => Number(/RssFile:\s+(\d+)/.exec(fs.readFileSync("/proc/self/status", "utf8"))?.[1]);
  const before = fileKib();
  releaseCodePages();
  expect(fileKib()).toBeLessThan(before);
  expect(await Bun.file(import.meta.path).text()).toContain("resident file memory");
});
