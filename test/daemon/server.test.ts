import { describe, expect, test } from "bun:test";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { MgmtMethod } from "../../src/drpc/methods.ts";
import { CtlSvc } from "../../src/gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { failureOf, waitFor } from "../support/wait.ts";
import { type ServerBench, serverBench } from "./server-bench.ts";

const system = { sys: "daos_server-2.6.0" };

async function joined(bench: ServerBench, ranks = 1): Promise<void> {
  await waitFor("every rank to join", async () => {
    const states = await bench.states().catch(() => []);
    return states.length === ranks && states.every((state) => state === "joined");
  });
  // Joined is what the leader knows; the engines themselves are set up a little later.
  const instances = bench.servers.at(-1)?.harness.instances ?? [];
  await Promise.all(
    instances.map((instance) => instance.waitFor((self) => self.isReady(), AbortSignal.timeout(5_000))),
  );
}

/** A server that has been formatted and whose ranks have joined. */
async function running(bench: ServerBench, ranks = 1) {
  const server = await bench.start();
  await bench.logged("format required");
  await bench.format();
  await joined(bench, ranks);
  return server;
}

describe("a server that has never been formatted", () => {
  test("listens, says that it waits for a format, and answers scans", async () => {
    await using bench = await serverBench();
    await bench.start();
    expect(bench.log).toContainEqual(
      `INFO DAOS Control Server v2.6.0 (pid ${process.pid}) listening on 127.0.0.1:${bench.port}`,
    );
    await bench.logged("INFO SCM format required on instance 0");
    const line = await bench.logged("&&& RAS id: [engine_format_required]");
    expect(line).toContain(
      `host: [${hostname()}] type: [INFO] sev: [NOTICE] msg: [DAOS engine 0 requires a SCM format]`,
    );
    const scan = await bench.call(CtlSvc.method.storageScan, { nvme: {}, scm: {} });
    expect(scan.memInfo?.memTotalKb).toBeGreaterThan(0n);
    expect(scan.scm?.state?.status).toBe(0);
    const network = await bench.call(CtlSvc.method.networkScan, {});
    expect(network.corespernuma).toBeGreaterThan(0);
    expect(await failureOf(bench.states())).toHaveProperty(
      "message",
      expect.stringContaining("system is uninitialized (storage format required?)"),
    );
  });

  test("goes on by itself after a format, up to a system with a rank", async () => {
    await using bench = await serverBench();
    await running(bench);
    expect(await readFile(join(bench.scmMount, "superblock"), "utf8")).toContain("rank: 0\n");
    expect((await stat(join(bench.socketDir, "daos_server.sock"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(bench.socketDir, ".daos_server.active.yml"))).mode & 0o777).toBe(0o644);
  });

  test("answers a format with what 2.6 answers, and only once the storage would survive a crash", async () => {
    await using bench = await serverBench();
    await bench.start();
    await bench.logged("format required");
    const { mrets, crets } = await bench.format();
    expect(await readdir(bench.scmMount)).toContain("superblock");
    expect(mrets.map(({ mntpoint, instanceidx, state }) => [mntpoint, instanceidx, state?.status])).toEqual([
      [bench.scmMount, 0, 0],
    ]);
    expect(crets.map(({ pciAddr, state }) => [pciAddr, state?.info])).toEqual([
      ["<nil>", "NVMe format skipped on instance 0, use of hugepages disabled in config"],
    ]);
  });

  test("formats itself when it is started to do so", async () => {
    await using bench = await serverBench();
    await bench.start({ autoFormat: true });
    await joined(bench);
  });
});

describe("a call that any engine may take", () => {
  test("is not made again on another when the first died under it", async () => {
    await using bench = await serverBench({ engines: 2 });
    const calls = join(bench.folder, "calls");
    bench.yaml = bench.yaml.replaceAll("PEER=1", `PEER_CREATE_EXIT=1, PEER_CALLS=${calls}`);
    const { harness } = await running(bench, 2);
    const failed = await failureOf(harness.callDrpc(MgmtMethod.POOL_CREATE, new Uint8Array()));
    expect(failed).toMatchObject({ code: 611 });
    const made = (await readFile(calls, "utf8")).split("\n").filter((line) => line.startsWith("207 "));
    expect(made).toEqual(["207 "]);
    expect(harness.instances.filter((instance) => instance.isReady())).toHaveLength(1);
  });

  test("goes to one that is ready when the first is not", async () => {
    await using bench = await serverBench({ engines: 2 });
    const { harness } = await running(bench, 2);
    const [first] = harness.instances;
    first?.stop("SIGKILL");
    await first?.waitFor((self) => !self.isStarted(), AbortSignal.timeout(5_000));
    await harness.callDrpc(MgmtMethod.PING_RANK, new Uint8Array());
  });

  test("goes to the next when the first has closed its socket", async () => {
    await using bench = await serverBench({ engines: 2 });
    const { harness } = await running(bench, 2);
    const [first] = harness.instances;
    // A kept connection still works; a new one cannot be made.
    await rm(join(bench.socketDir, `daos_engine_${first?.pid()}.sock`));
    const both = Array.from({ length: 4 }, () => harness.callDrpc(MgmtMethod.PING_RANK, new Uint8Array()));
    await Promise.all(both);
  });
});

describe("a formatted server", () => {
  test("takes a second format for done and touches nothing", async () => {
    await using bench = await serverBench();
    await running(bench);
    const before = await readFile(join(bench.scmMount, "superblock"), "utf8");
    const { mrets } = await bench.format();
    expect(mrets[0]?.state?.info).toBe("SCM is already formatted");
    expect(await readFile(join(bench.scmMount, "superblock"), "utf8")).toBe(before);
    expect(await bench.states()).toEqual(["joined"]);
  });

  test("goes straight on after a restart, with the same rank", async () => {
    await using bench = await serverBench();
    const first = await running(bench);
    await first.stop();
    const uuid = /uuid: (.*)/.exec(await readFile(join(bench.scmMount, "superblock"), "utf8"))?.[1];
    await bench.start();
    await joined(bench);
    const { members } = await bench.call(MgmtSvc.method.systemQuery, { ...system, stateMask: 0xffff });
    expect(members.map((member) => [member.rank, member.uuid])).toEqual([[0, uuid ?? ""]]);
  });

  test("is made anew by a forced format, engine and system with it", async () => {
    await using bench = await serverBench();
    await running(bench);
    const before = await readFile(join(bench.scmMount, "superblock"), "utf8");
    await bench.format(true);
    await joined(bench);
    expect(await readFile(join(bench.scmMount, "superblock"), "utf8")).not.toBe(before);
    expect(bench.log).toContainEqual("INFO forcibly stopping instance 0 prior to reformat");
  });

  test("is made anew by a format after a system erase, which need not be forced", async () => {
    await using bench = await serverBench({ bdevFile: true });
    const { harness } = await running(bench);
    const [instance] = harness.instances;
    await writeFile(join(bench.scmMount, "vos-0"), "old");
    await writeFile(join(bench.folder, "bdev0"), "old");
    instance?.stop("SIGKILL");
    await instance?.waitFor((self) => !self.isStarted(), AbortSignal.timeout(5_000));
    await bench.call(MgmtSvc.method.systemErase, system);
    await bench.logged("Metadata format required");
    const { mrets } = await bench.format();
    expect(mrets.map(({ state }) => [state?.status, state?.info])).toEqual([[0, ""]]);
    await joined(bench);
    expect(await readdir(bench.scmMount)).not.toContain("vos-0");
    expect(await readdir(bench.scmMount)).not.toContain(".daos_erased");
    expect((await readFile(join(bench.folder, "bdev0"))).subarray(0, 3).toString()).not.toBe("old");
  });

  test("keeps what engines left when only its superblock is lost, and gets another", async () => {
    await using bench = await serverBench({ bdevFile: true });
    const first = await running(bench);
    await first.stop();
    await writeFile(join(bench.scmMount, "vos-0"), "old");
    await writeFile(join(bench.folder, "bdev0"), "old");
    await rm(join(bench.scmMount, "superblock"));
    await bench.start();
    await bench.logged("Metadata format required");
    const { mrets, crets } = await bench.format();
    expect(mrets[0]?.state?.info).toBe("SCM is already formatted");
    expect(crets[0]?.state?.info).toBe("NVMe format skipped on instance 0, SCM was not formatted");
    await bench.logged("storage ready");
    expect(await readFile(join(bench.scmMount, "vos-0"), "utf8")).toBe("old");
    expect(await readFile(join(bench.folder, "bdev0"), "utf8")).toBe("old");
    expect(await readFile(join(bench.scmMount, "superblock"), "utf8")).toContain("uuid: ");
  });

  test("shows the space of its memory tiers when asked for usage", async () => {
    await using bench = await serverBench();
    await running(bench);
    const scan = await bench.call(CtlSvc.method.storageScan, { nvme: {}, scm: { usage: true } });
    const namespace = scan.scm?.namespaces[0];
    expect([namespace?.blockdev, namespace?.size]).toEqual(["ramdisk", 1024n ** 3n]);
    const mount = namespace?.mount;
    expect({ ...mount }).toMatchObject({
      path: bench.scmMount,
      class: "ram",
      rank: 0,
      totalBytes: 1024n ** 3n,
    });
    // 1 GiB for the engine's metadata leaves nothing of 1 GiB.
    expect(mount?.usableBytes).toBe(0n);
  });
});

describe("a format that was broken off", () => {
  test("before the superblock is brought to its end by the next one", async () => {
    await using bench = await serverBench({ bdevFile: true });
    const first = await running(bench);
    await first.stop();
    await rm(join(bench.scmMount, "superblock"));
    await rm(join(bench.scmMount, "daos_nvme.conf"));
    await rm(join(bench.scmMount, "control_raft"), { recursive: true });
    bench.log.length = 0;
    await bench.start();
    await bench.logged("INFO Metadata format required on instance 0");
    const { crets } = await bench.format();
    expect(crets.map(({ pciAddr, state }) => [pciAddr, state?.status])).toEqual([
      [join(bench.folder, "bdev0"), 0],
    ]);
    await joined(bench);
    expect(await readdir(bench.scmMount)).toContain("daos_nvme.conf");
  });
});

describe("block devices that are files", () => {
  test("are made, and the engine is told of them", async () => {
    await using bench = await serverBench({ bdevFile: true });
    await running(bench);
    expect((await stat(join(bench.folder, "bdev0"))).size).toBe(1024 ** 3);
    const conf = JSON.parse(await readFile(join(bench.scmMount, "daos_nvme.conf"), "utf8"));
    expect(conf.subsystems[0].config[2].params).toEqual({
      block_size: 4096,
      name: `AIO_${hostname()}_0_1_0`,
      filename: join(bench.folder, "bdev0"),
    });
    const args = await bench.logged("daos_engine:0 args:");
    expect(args).toContain(`-T 2 -n ${join(bench.scmMount, "daos_nvme.conf")}`);
    expect(await bench.logged("daos_engine:0 env:")).toContain("VOS_BDEV_CLASS=AIO");
  });

  test("that cannot be made are an error of that engine, which another format mends", async () => {
    await using bench = await serverBench({ bdevFile: true });
    await mkdir(join(bench.folder, "bdev0"));
    await bench.start();
    await bench.logged("format required");
    const { mrets, crets } = await bench.format();
    expect(mrets[0]?.state?.status).toBe(0);
    expect(crets[0]?.state?.status).toBe(-2);
    expect(crets[0]?.state?.error).toContain("bdev: code = 302");
    await rm(join(bench.folder, "bdev0"), { recursive: true });
    await bench.format();
    await joined(bench);
  });
});

describe("metadata on SSD", () => {
  test("keeps rank and system beside the memory tier, which is made anew at every start", async () => {
    await using bench = await serverBench({ metadataOnSsd: true });
    const first = await running(bench);
    const metadata = join(bench.folder, "md", "daos_control");
    expect((await readdir(join(metadata, "engine0"))).sort()).toEqual(["daos_nvme.conf", "superblock"]);
    expect(await readdir(metadata)).toContain("control_raft");
    await writeFile(join(bench.scmMount, "vos-0"), "x");
    await first.stop();
    // What the engine kept there is of no use to the next: it reads its metadata back from SSD.
    await waitFor("the memory tier to go", async () => (await readdir(bench.scmMount)).length === 0);
    await bench.start();
    await joined(bench);
    expect(await readdir(bench.scmMount)).not.toContain("vos-0");
    expect(await bench.states()).toEqual(["joined"]);
  });

  test("asks for a format when its folder is gone, and is made whole by one", async () => {
    await using bench = await serverBench({ metadataOnSsd: true });
    const first = await running(bench);
    await first.stop();
    await rm(join(bench.folder, "md"), { recursive: true });
    bench.log.length = 0;
    await bench.start();
    await bench.logged("INFO SCM format required on instance 0");
    await bench.format();
    await joined(bench);
  });
});

describe("several engines", () => {
  test("join with ranks of their own, the first as rank 0", async () => {
    await using bench = await serverBench({ engines: 2 });
    const server = await running(bench, 2);
    expect(server.harness.instances.map((instance) => instance.rank())).toContain(0);
    expect(server.harness.instances[0]?.rank()).toBe(0);
  });

  test("are stopped and started by rank", async () => {
    await using bench = await serverBench({ engines: 2 });
    await running(bench, 2);
    const prepared = await bench.call(CtlSvc.method.prepShutdownRanks, { ranks: "1" }, "server");
    expect(prepared.results.map(({ rank, state, errored }) => [rank, state, errored])).toEqual([
      [1, "stopping", false],
    ]);
    const stopped = await bench.call(CtlSvc.method.stopRanks, { ranks: "1" }, "server");
    expect(stopped.results.map(({ rank, state, msg }) => [rank, state, msg])).toEqual([
      [1, "stopped", "system stop"],
    ]);
    expect(bench.log.some((line) => line.includes("engine_died"))).toBe(false);
    const started = await bench.call(CtlSvc.method.startRanks, { ranks: "0-1" }, "server");
    expect(started.results.map(({ rank, state }) => [rank, state]).sort()).toEqual([
      [0, "ready"],
      [1, "ready"],
    ]);
  });

  test("wait for a format again when theirs is reset, which they refuse while they run", async () => {
    await using bench = await serverBench({ engines: 2 });
    await running(bench, 2);
    expect(
      await failureOf(bench.call(CtlSvc.method.resetFormatRanks, { ranks: "1" }, "server")),
    ).toMatchObject({
      code: 612,
    });
    await bench.call(CtlSvc.method.stopRanks, { ranks: "1", force: true }, "server");
    const reset = await bench.call(CtlSvc.method.resetFormatRanks, { ranks: "1" }, "server");
    expect(reset.results.map(({ rank, state, errored }) => [rank, state, errored])).toEqual([
      [1, "awaitformat", false],
    ]);
  });

  test("a request without ranks is refused", async () => {
    await using bench = await serverBench();
    await bench.start();
    expect(await failureOf(bench.call(CtlSvc.method.stopRanks, {}, "server"))).toHaveProperty(
      "message",
      expect.stringContaining("no ranks specified in request"),
    );
  });
});

test("an engine that is killed is shown as errored within a moment, with the reason", async () => {
  await using bench = await serverBench();
  const server = await running(bench);
  process.kill(server.harness.instances[0]?.pid() ?? 0, "SIGKILL");
  await waitFor("the state", async () => (await bench.states())[0] === "errored", 2_000);
  const { members } = await bench.call(MgmtSvc.method.systemQuery, { ...system, stateMask: 0xffff });
  expect(members[0]?.info).toMatch(/DAOS engine 0 exited unexpectedly: .*daos_engine exited: signal: killed/);
});

test("log masks are handed to every engine; one that is down says so", async () => {
  await using bench = await serverBench();
  const server = await running(bench);
  const set = await bench.call(CtlSvc.method.setEngineLogMasks, {
    ...system,
    masks: "DEBUG",
    subsystems: "mgmt",
  });
  expect(set.errors).toEqual([""]);
  server.harness.instances[0]?.stop("SIGKILL");
  await server.harness.instances[0]?.waitFor((instance) => !instance.isStarted());
  const failed = await bench.call(CtlSvc.method.setEngineLogMasks, { ...system, resetMasks: true });
  expect(failed.errors).toEqual(["empty log masks in config"]);
});

test("device tables are asked of ready engines only", async () => {
  await using bench = await serverBench();
  const server = await running(bench);
  const found = await bench.call(CtlSvc.method.smdQuery, { rank: 0xffffffff });
  expect(found.ranks.map((rank) => rank.rank)).toEqual([0, 0]);
  await server.stop();
});

describe("a second server", () => {
  test("on the same port is refused with a fault, and the first is none the worse", async () => {
    await using bench = await serverBench();
    await running(bench);
    await using other = await serverBench();
    other.yaml = other.yaml.replaceAll(String(other.port), String(bench.port));
    expect(await failureOf(other.start())).toMatchObject({
      domain: "server",
      description: `unable to listen on management interface: 127.0.0.1:${bench.port} is in use`,
    });
    expect(await bench.states()).toEqual(["joined"]);
  });

  test("on the same socket folder is refused, and takes nobody's sockets away", async () => {
    await using bench = await serverBench();
    await running(bench);
    await using other = await serverBench();
    other.yaml = other.yaml.replace(other.socketDir, bench.socketDir);
    expect(await failureOf(other.start())).toMatchObject({ code: 6 });
    const sockets = await readdir(bench.socketDir);
    expect(sockets.filter((name) => name.endsWith(".sock"))).toHaveLength(2);
  });
});

describe("a start that cannot be", () => {
  test.each([
    ["fabric_iface: lo", "fabric_iface: nope0", "nope0"],
    ["provider: ofi+tcp", "provider: ofi+tcp,ofi+verbs", "includes more than one provider"],
  ])("says why: %p as %p", async (from, to, complaint) => {
    await using bench = await serverBench();
    bench.yaml = bench.yaml.replace(from, to);
    expect(await failureOf(bench.start())).toHaveProperty("message", expect.stringContaining(complaint));
  });
});

test("a stop leaves no engine, no socket and no port behind", async () => {
  await using bench = await serverBench();
  const server = await running(bench);
  const pid = server.harness.instances[0]?.pid() ?? 0;
  await server.stop();
  expect(() => process.kill(pid, 0)).toThrow();
  await waitFor("the sockets to go", async () => {
    const names = await readdir(bench.socketDir);
    return names.every((name) => !name.endsWith(".sock"));
  });
  expect(await failureOf(bench.states())).toMatchObject({ code: 506 });
});

test("sockets of engines of an earlier server are cleared away", async () => {
  await using bench = await serverBench();
  await mkdir(bench.socketDir);
  await writeFile(join(bench.socketDir, "daos_engine_1.sock"), "");
  await bench.start();
  expect(await readdir(bench.socketDir)).not.toContain("daos_engine_1.sock");
});
