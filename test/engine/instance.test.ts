import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { engineModules } from "../../src/daemon/server/drpc.ts";
import { listenDrpc } from "../../src/drpc/server.ts";
import type { DrpcServer } from "../../src/drpc/types.ts";
import { createHarness } from "../../src/engine/harness.ts";
import {
  createInstance,
  type InstanceOptions,
  type JoinRequest,
  type ManagedInstance,
} from "../../src/engine/instance.ts";
import type { RasEvent } from "../../src/engine/ras.ts";
import { newSuperblock, readSuperblock, writeSuperblock } from "../../src/engine/superblock.ts";
import type { Logger } from "../../src/log/logger.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { createEngineStorage } from "../../src/storage/engine-storage.ts";
import { engineConfig, ramTier } from "../support/engine-config.ts";
import { tempFolder } from "../support/temp.ts";
import { waitFor } from "../support/wait.ts";

const UUID = "21ccde43-7092-45f3-b988-4339755736b7";
let bin: string;
let savedPath: string | undefined;

beforeAll(async () => {
  bin = join(tmpdir(), `daosctl-peer-${process.pid}`);
  await mkdir(bin, { recursive: true });
  const peer = resolve(import.meta.dirname, "../support/engine-peer.ts");
  await writeFile(join(bin, "daos_engine"), `#!/bin/sh\nexec '${process.execPath}' '${peer}' "$@"\n`);
  await chmod(join(bin, "daos_engine"), 0o755);
  savedPath = process.env["PATH"];
  process.env["PATH"] = `${bin}:${savedPath}`;
});

afterAll(async () => {
  process.env["PATH"] = savedPath;
  await rm(bin, { recursive: true, force: true });
});

interface Bench extends AsyncDisposable {
  readonly instance: ManagedInstance;
  readonly log: string[];
  readonly events: RasEvent[];
  readonly joins: JoinRequest[];
  readonly callsFile: string;
  readonly superblockPath: string;
}

interface BenchOptions {
  readonly envVars?: string[];
  readonly formatted?: boolean;
  readonly join?: InstanceOptions["join"];
  readonly onStorageReady?: InstanceOptions["onStorageReady"];
}

/** One instance with a dRPC server of its own, on a memory tier that is a folder. */
async function bench(options: BenchOptions = {}): Promise<Bench> {
  const folder = await tempFolder();
  const socketDir = join(folder.path, "run");
  const scmMount = join(folder.path, "scm");
  await mkdir(socketDir);
  const lines: string[] = [];
  const log: Logger = {
    debug: (line) => lines.push(`DEBUG ${line}`),
    info: (line) => lines.push(`INFO ${line}`),
    notice: (line) => lines.push(`NOTICE ${line}`),
    error: (line) => lines.push(`ERROR ${line}`),
  };
  const callsFile = join(folder.path, "calls");
  const config = engineConfig({
    storage: [ramTier(scmMount)],
    envVars: [`PEER_CALLS=${callsFile}`, ...(options.envVars ?? [])],
  });
  const storage = createEngineStorage(config, {}, { log, enableHotplug: false, scmAsFolder: true });
  const events: RasEvent[] = [];
  const joins: JoinRequest[] = [];
  const instance = createInstance({
    config,
    storage,
    systemName: "daos_server",
    hostname: "node1",
    hostFaultDomain: "/node1",
    log,
    launchSettings: async (checker) => ({
      systemName: "daos_server",
      socketDir,
      nvmeConfPath: undefined,
      memSizeMib: 0,
      hugepageSizeMib: 0,
      checker,
      fabricDomain: "lo",
    }),
    async join(request, signal) {
      joins.push(request);
      return (await options.join?.(request, signal)) ?? { rank: 8, state: "in", mapVersion: 5 };
    },
    publish: (event) => events.push(event),
    onStorageReady: options.onStorageReady ?? (async () => {}),
    firstRank: undefined,
  });
  const harness = createHarness([instance]);
  const server: DrpcServer = await listenDrpc({
    path: join(socketDir, "daos_server.sock"),
    mode: 0o600,
    modules: engineModules(harness, log),
    log: silentLogger,
  });
  if (options.formatted !== false) {
    await storage.scm.format(false);
    await writeSuperblock(storage.superblockPath, newSuperblock(UUID, "daos_server", "/node1"));
  }
  return {
    instance,
    log: lines,
    events,
    joins,
    callsFile,
    superblockPath: storage.superblockPath,
    async [Symbol.asyncDispose]() {
      await instance.shutdown(200);
      await server.close(0);
      await folder[Symbol.asyncDispose]();
    },
  };
}

function until(instance: ManagedInstance, condition: (instance: ManagedInstance) => boolean): Promise<void> {
  return instance.waitFor(condition, AbortSignal.timeout(15_000));
}

test("a formatted engine is started, joined, set up, and its rank kept", async () => {
  await using b = await bench();
  b.instance.start();
  await until(b.instance, (instance) => instance.isReady());
  expect(b.instance.rank()).toBe(8);
  expect(b.instance.state()).toBe("Ready");
  expect(b.joins[0]).toMatchObject({ uuid: UUID, rank: undefined, hostFaultDomain: "/node1" });
  expect(b.joins[0]?.ready.uri).toBe("ofi+tcp://127.0.0.1:31416");
  // SetRank {rank 8, map version 5}, then SetUp without a body: the recorded packets.
  expect(await readFile(b.callsFile, "utf8")).toBe("202 08081005\n209 \n");
  expect(await readSuperblock(b.superblockPath)).toMatchObject({
    rank: 8,
    validRank: true,
    uri: "ofi+tcp://127.0.0.1:31416",
  });
});

test("what it writes goes into the log under its name, complaints as errors", async () => {
  await using b = await bench();
  b.instance.start();
  await until(b.instance, (instance) => instance.isReady());
  await waitFor("the engine's words", () => b.log.some((line) => line.includes("started on rank")));
  expect(b.log).toContainEqual("ERROR daos_engine:0 peer complains");
  expect(b.log).toContainEqual(`INFO Starting I/O Engine instance 0: ${bin}/daos_engine`);
  expect(b.log).toContainEqual("INFO Checking DAOS I/O Engine instance 0 storage ...");
  const argv = b.log.find((line) => line.includes("peer argv")) ?? "";
  expect(JSON.parse(argv.slice(argv.indexOf("[")))).toContain("-T");
});

test("without a format it waits, says so, and goes on after it", async () => {
  await using b = await bench({ formatted: false });
  b.instance.start();
  await until(b.instance, (instance) => instance.isAwaitingFormat());
  expect(b.log).toContainEqual("INFO SCM format required on instance 0");
  expect(b.events[0]).toMatchObject({
    id: 1,
    msg: "DAOS engine 0 requires a SCM format",
    type: 2,
    severity: 3,
  });
  await b.instance.storage.scm.format(false);
  await b.instance.ensureSuperblock();
  b.instance.storageReady();
  await until(b.instance, (instance) => instance.isReady());
  expect(b.log).toContainEqual("INFO DAOS I/O Engine instance 0 storage ready");
});

test("a memory tier without a superblock asks for a metadata format", async () => {
  await using b = await bench({ formatted: false });
  await b.instance.storage.scm.format(false);
  b.instance.start();
  await until(b.instance, (instance) => instance.isAwaitingFormat());
  expect(b.log).toContainEqual("INFO Metadata format required on instance 0");
});

test("an engine that dies is noticed at once, with the reason, and told to the management service", async () => {
  await using b = await bench();
  b.instance.start();
  await until(b.instance, (instance) => instance.isReady());
  const pid = b.instance.pid() ?? 0;
  process.kill(pid, "SIGKILL");
  await until(b.instance, (instance) => !instance.isStarted());
  expect(b.instance.state()).toBe("Errored");
  expect(b.instance.stateInfo()).toBe(`${bin}/daos_engine exited: signal: killed`);
  expect(b.events.at(-1)).toMatchObject({
    id: 2,
    msg: `DAOS engine 0 exited unexpectedly: ${bin}/daos_engine exited: signal: killed`,
    rank: 8,
    type: 1,
    severity: 1,
    procId: BigInt(pid),
  });
  expect(b.log).toContainEqual(
    `INFO instance 0, pid ${pid}, rank 8 exited with status: ${bin}/daos_engine exited: signal: killed`,
  );
  await expect(b.instance.callDrpc(225, new Uint8Array())).rejects.toMatchObject({ code: 611 });
});

test("a call that runs when the engine dies fails as one to an engine that is not there", async () => {
  await using b = await bench({ envVars: ["PEER_RANK_EXIT=1"] });
  b.instance.start();
  await until(b.instance, (instance) => instance.state() === "Errored");
  expect(b.instance.stateInfo()).toContain("exit status 7");
});

test("it comes back with its rank when it is started again", async () => {
  await using b = await bench();
  b.instance.start();
  await until(b.instance, (instance) => instance.isReady());
  b.instance.stop("SIGINT");
  await until(b.instance, (instance) => !instance.isStarted());
  expect(b.instance.state()).toBe("Stopped");
  expect(b.events).toEqual([]);
  b.instance.start();
  await until(b.instance, (instance) => instance.isReady());
  expect(b.joins[1]).toMatchObject({ rank: 8 });
});

describe("an engine that cannot go on", () => {
  test("because it is excluded is ended, and says so", async () => {
    await using b = await bench({ join: async () => ({ rank: 3, state: "out", mapVersion: 1 }) });
    b.instance.start();
    await until(b.instance, (instance) => instance.state() === "Errored");
    expect(b.instance.stateInfo()).toBe("rank 3 excluded");
    expect((await readSuperblock(b.superblockPath))?.validRank).toBe(false);
  });

  test("because its set-up fails is ended, and says why", async () => {
    await using b = await bench({ envVars: ["PEER_SETUP_STATUS=-1007"] });
    b.instance.start();
    await until(b.instance, (instance) => instance.state() === "Errored");
    expect(b.instance.stateInfo()).toContain("DER_NOSPACE(-1007)");
  });

  test("because it exits by itself keeps its status", async () => {
    await using b = await bench({ envVars: ["PEER_EXIT=9"] });
    b.instance.start();
    await until(b.instance, (instance) => instance.state() === "Errored");
    expect(b.instance.stateInfo()).toBe(`${bin}/daos_engine exited: exit status 9`);
  });

  test("because the host lacks memory is not launched at all", async () => {
    await using b = await bench({
      onStorageReady: async () => {
        throw new Error("no memory");
      },
    });
    b.instance.start();
    await until(b.instance, (instance) => instance.state() === "Errored");
    expect(b.log).toContainEqual("ERROR runner exited without starting process: no memory");
    expect(b.instance.pid()).toBeUndefined();
  });
});

test("a system that is being checked has it started again in checker mode", async () => {
  await using b = await bench({ join: async () => ({ rank: 8, state: "check", mapVersion: 1 }) });
  b.instance.start();
  await until(b.instance, (instance) => instance.isReady());
  expect(b.log.filter((line) => line.includes("Starting I/O Engine instance"))).toHaveLength(2);
  expect(b.log).toContainEqual("NOTICE restarting rank 8 in checker mode");
});

describe("a shutdown", () => {
  test("prepares the engine, then asks it to end", async () => {
    await using b = await bench();
    b.instance.start();
    await until(b.instance, (instance) => instance.isReady());
    await b.instance.shutdown(5_000);
    expect(b.instance.isStarted()).toBe(false);
    expect((await readFile(b.callsFile, "utf8")).trim().split("\n").at(-1)).toBe("218");
    expect(b.events).toEqual([]);
    b.instance.start();
    expect(b.instance.isStarted()).toBe(false);
  });

  test("kills an engine that will not end", async () => {
    await using b = await bench({ envVars: ["PEER_IGNORE=1"] });
    b.instance.start();
    await until(b.instance, (instance) => instance.isReady());
    await b.instance.shutdown(100);
    expect(b.log.some((line) => line.includes("did not stop within 100 ms"))).toBe(true);
  });

  test("breaks off a join that waits for an answer", async () => {
    let aborted = false;
    await using b = await bench({
      join: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(signal.reason);
          });
        }),
    });
    b.instance.start();
    await waitFor("the join", () => b.joins.length > 0);
    await b.instance.shutdown(2_000);
    expect(aborted).toBe(true);
  });
});

test("a ready notice that nobody waits for is refused, not believed", async () => {
  await using b = await bench();
  b.instance.notifyReady({ drpcListenerSock: "/x", uri: "" } as never);
  expect(b.instance.isStarted()).toBe(false);
  expect(b.log.at(-1)).toContain("unexpected ready notice");
});
