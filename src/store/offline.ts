import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exists } from "../files/exists.ts";
import type { Logger } from "../log/logger.ts";
import { installEtcd } from "./etcd/install.ts";
import { etcdKeys } from "./etcd/keys.ts";
import { readAll } from "./etcd/mirror.ts";
import { clientSocket, runEtcd } from "./etcd/process.ts";
import { etcdFolder, hasEtcdData } from "./etcd/replica.ts";
import { createEtcdClient, unixEndpoint } from "./etcd/rpc.ts";
import { openSqliteStore } from "./sqlite.ts";
import { sqlitePath } from "./sqlite-file.ts";

export interface OfflineDatabase {
  readonly kind: "single" | "cluster";
  readonly records: ReadonlyMap<string, string>;
}

const patienceMs = 30_000;

/**
 * Every record of the database in `dir`, whose server does not run; undefined when there is none. What a member of
 * a cluster knows is read from a copy of its data, made a cluster of its own: the data stay as they are, and no
 * quorum is needed. Entries that had reached it count, committed or not.
 * @throws Fault 600, or what etcd says, when it cannot be read
 */
export async function readOffline(
  dir: string,
  systemName: string,
  log: Logger,
): Promise<OfflineDatabase | undefined> {
  if (await hasEtcdData(dir)) return { kind: "cluster", records: await readMember(dir, systemName, log) };
  if (!(await exists(sqlitePath(dir)))) return undefined;
  const store = await openSqliteStore({ dir, addr: "" });
  try {
    return { kind: "single", records: await store.load() };
  } finally {
    await store.close();
  }
}

async function readMember(dir: string, systemName: string, log: Logger): Promise<Map<string, string>> {
  const home = etcdFolder(dir);
  const scratch = await mkdtemp(join(tmpdir(), "daosctl-ms-"));
  const runDir = join(scratch, "run");
  const { path: program } = await installEtcd(join(home, "bin"));
  try {
    await mkdir(runDir, { mode: 0o700 });
    await cp(join(home, "data"), join(scratch, "data"), { recursive: true });
    const self = "offline:1";
    const etcd = await runEtcd({
      program,
      self,
      dataDir: join(scratch, "data"),
      runDir,
      start: { state: "existing", members: [self], token: "" },
      timing: { heartbeatMs: 50, electionMs: 300 },
      alone: true,
      log,
    });
    const client = createEtcdClient(unixEndpoint(join(runDir, clientSocket)));
    try {
      return await readRecords(client, systemName);
    } finally {
      client.close();
      await etcd.stop(2_000);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function readRecords(
  client: ReturnType<typeof createEtcdClient>,
  systemName: string,
): Promise<Map<string, string>> {
  const keys = etcdKeys(systemName);
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    try {
      const { entries } = await readAll(client, keys.records);
      return new Map(
        [...entries].flatMap(([key, { value }]) => {
          const record = keys.recordKey(key);
          return record === undefined ? [] : [[record, value] as const];
        }),
      );
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await Bun.sleep(100);
    }
  }
}
