import { expect, test } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { defaultServerConfig } from "../../../src/config/defaults.ts";
import { createHarness } from "../../../src/engine/harness.ts";
import { type CollectLogReq, CollectLogReqSchema } from "../../../src/gen/ctl/support_pb.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { collectLog } from "../../../src/services/control/collect/collect-log.ts";
import type { ControlDeps } from "../../../src/services/control/index.ts";
import { engineConfig } from "../../support/engine-config.ts";
import { tempFolder } from "../../support/temp.ts";
import { failureOf } from "../../support/wait.ts";

const host = hostname().split(".")[0] ?? "";
const dates = { LogStartDate: "11-20-2026", LogEndDate: "11-22-2026", LogStartTime: "", LogEndTime: "" };

/** Has the server with logs in `root` collect one thing; gives the files below "<target>/<host>". */
async function collect(
  root: string,
  request: Partial<Omit<CollectLogReq, "$typeName" | "$unknown">>,
): Promise<string[]> {
  const deps: ControlDeps = {
    config: {
      ...defaultServerConfig(),
      socketDir: root,
      controlLogFile: join(root, "control.log"),
      engines: [engineConfig({ logFile: join(root, "engine0.log") })],
    },
    harness: createHarness([]),
    log: silentLogger,
    scmAsFolder: false,
    beforeReformat: async () => async () => undefined,
  };
  const target = join(root, "bundle");
  await collectLog(deps, create(CollectLogReqSchema, { TargetFolder: target, ...request }), {
    method: "",
    caller: "admin",
    peerAddr: "",
    signal: new AbortController().signal,
  });
  return (await readdir(join(target, host), { recursive: true })).sort();
}

test("the effective configuration is copied, and is not hidden in the copy", async () => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, ".daos_server.active.yml"), "name: x\n");
  expect(await collect(folder.path, { LogFunction: 0 })).toEqual([
    "DaosServerConfig",
    "DaosServerConfig/daos_server.active.yml",
  ]);
});

test("a command's output goes to a file named after it", async () => {
  await using folder = await tempFolder();
  expect(await collect(folder.path, { LogFunction: 1, LogCmd: "df -h" })).toContain("GenSystemInfo/df_h");
});

test("a command that is not on the list is not run", async () => {
  await using folder = await tempFolder();
  const error = await failureOf(
    collect(folder.path, { LogFunction: 1, LogCmd: `touch ${folder.path}/pwned` }),
  );
  expect(error.message).toContain("is not a command that is collected");
  expect(await readdir(folder.path)).not.toContain("pwned");
});

test("engine logs come with those rotated away", async () => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, "engine0.log"), "a\n");
  await writeFile(join(folder.path, "engine0.log.old"), "b\n");
  expect(await collect(folder.path, { LogFunction: 2, LogCmd: "EngineLog" })).toEqual([
    "EngineLogs",
    "EngineLogs/engine0.log",
    "EngineLogs/engine0.log.old",
  ]);
});

test("of a log only the lines of the days wanted are copied, with those that go on from them", async () => {
  await using folder = await tempFolder();
  await writeFile(
    join(folder.path, "control.log"),
    `DEBUG 2026/11/19 23:59:59.000000 before
vm INFO 2026/11/20 00:00:00 first
  goes on
vm INFO 2026/11/22 23:59:59 last
vm INFO 2026/11/23 00:00:00 after
  goes on after
`,
  );
  await collect(folder.path, { LogFunction: 2, LogCmd: "ControlLog", ...dates });
  expect(await readFile(join(folder.path, "bundle", host, "ControlLogs", "control.log"), "utf8")).toBe(
    "vm INFO 2026/11/20 00:00:00 first\n  goes on\nvm INFO 2026/11/22 23:59:59 last\n",
  );
});

test("a log that the configuration does not name is an error that says so", async () => {
  await using folder = await tempFolder();
  const error = await failureOf(collect(folder.path, { LogFunction: 2, LogCmd: "HelperLog" }));
  expect(error.message).toContain("no helper_log_file in the configuration");
});

test("extra folders are copied whole", async () => {
  await using folder = await tempFolder();
  await mkdir(join(folder.path, "extra", "deep"), { recursive: true });
  await writeFile(join(folder.path, "extra", "deep", "x"), "x");
  const files = await collect(folder.path, { LogFunction: 3, ExtraLogsDir: join(folder.path, "extra") });
  expect(files).toContain("ExtraLogs/deep/x");
});

test("the topology is collected without a tool", async () => {
  await using folder = await tempFolder();
  await collect(folder.path, { LogFunction: 4, LogCmd: "dump-topology" });
  const path = join(folder.path, "bundle", host, "DmgNodeLogs", "daos_server_dump-topology");
  expect(await readFile(path, "utf8")).toStartWith("NUMA Node 0\n");
});

test("the bundle is packed beside its folder", async () => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, "engine0.log"), "a\n");
  await collect(folder.path, { LogFunction: 2, LogCmd: "EngineLog" });
  await collect(folder.path, { LogFunction: 12 });
  expect(await readdir(folder.path)).toContain("bundle.tar.gz");
});

test.each([
  [{ LogFunction: 5 }, "not one of this host's"],
  [{ LogFunction: 2, LogCmd: "Other" }, 'unknown log "Other"'],
  [{ LogFunction: 4, LogCmd: "rm -rf /" }, "is not a command that is collected"],
  [{ LogFunction: 0, TargetFolder: "relative" }, "must be an absolute path"],
])("%j is refused", async (request, complaint) => {
  await using folder = await tempFolder();
  expect((await failureOf(collect(folder.path, request))).message).toContain(complaint);
});
