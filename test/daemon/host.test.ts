import { expect, test } from "bun:test";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defaultServerConfig } from "../../src/config/defaults.ts";
import { cleanHugepages } from "../../src/daemon/server/host.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { tempFolder } from "../support/temp.ts";

/** A pid that no process has: above the largest that Linux gives out. */
const NOBODY = 4_194_305;

test("hugepage files of dead processes go, those of living ones and of others stay", async () => {
  await using folder = await tempFolder();
  const living = Bun.spawn(["sleep", "60"]);
  try {
    const names = [`spdk_pid${NOBODY}map_0`, `spdk_pid${NOBODY}map_1`, `spdk_pid${living.pid}map_0`, "other"];
    for (const name of names) await writeFile(join(folder.path, name), "");
    const lines: string[] = [];
    const log = { ...silentLogger, info: (line: string) => void lines.push(line) };
    await cleanHugepages(defaultServerConfig(), log, [folder.path]);
    expect((await readdir(folder.path)).sort()).toEqual(["other", `spdk_pid${living.pid}map_0`]);
    expect(lines).toEqual(["removed 2 hugepage file(s) of dead processes"]);
  } finally {
    living.kill();
    await living.exited;
  }
});

test("a server that may use no hugepages leaves them alone", async () => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, `spdk_pid${NOBODY}map_0`), "");
  await cleanHugepages({ ...defaultServerConfig(), disableHugepages: true }, silentLogger, [folder.path]);
  expect(await readdir(folder.path)).toHaveLength(1);
});
