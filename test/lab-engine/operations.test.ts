import { afterEach, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MgmtMethod } from "../../src/drpc/methods.ts";
import { SetLogMasksReqSchema, SetLogMasksRespSchema } from "../../src/gen/ctl/server_pb.ts";
import {
  BioHealthReqSchema,
  BioHealthRespSchema,
  DevManageRespSchema,
  DevReplaceReqSchema,
  LedAction,
  LedManageReqSchema,
  LedState,
  NvmeDevState,
  SetFaultyReqSchema,
  SmdDevReqSchema,
  SmdDevRespSchema,
  SmdPoolReqSchema,
  SmdPoolRespSchema,
} from "../../src/gen/ctl/smd_pb.ts";
import { ACLRespSchema, DeleteACLReqSchema, ModifyACLReqSchema } from "../../src/gen/mgmt/acl_pb.ts";
import {
  PoolDrainReqSchema,
  PoolDrainRespSchema,
  PoolEvictReqSchema,
  PoolEvictRespSchema,
  PoolExcludeReqSchema,
  PoolExcludeRespSchema,
  PoolExtendReqSchema,
  PoolExtendRespSchema,
  PoolGetPropReqSchema,
  PoolGetPropRespSchema,
  PoolQueryTargetReqSchema,
  PoolQueryTargetRespSchema,
  PoolReintegrateReqSchema,
  PoolReintegrateRespSchema,
  PoolSetPropReqSchema,
  PoolSetPropRespSchema,
  PoolUpgradeReqSchema,
  PoolUpgradeRespSchema,
  PoolRebuildStatus_State as Rebuild,
  PoolQueryTargetInfo_TargetState as TargetState,
} from "../../src/gen/mgmt/pool_pb.ts";
import { createPool, queryPool, withDisabled } from "./pools.ts";
import { type EngineProcess, type TestSystem, testSystem, until } from "./support.ts";

let system: TestSystem | undefined;
afterEach(async () => {
  await system?.close();
  system = undefined;
});

const id = "33333333-3333-4333-8333-333333333333";

async function ranks(count: number, options: Parameters<typeof testSystem>[0] = {}): Promise<TestSystem> {
  system = await testSystem(options);
  for (let rank = 0; rank < count; rank++) await system.start(rank);
  return system;
}

const rebuilt = (engine: EngineProcess, svcRanks: number[]) =>
  until("the end of the rebuild", async () => {
    const answer = await queryPool(engine, id, svcRanks, withDisabled);
    return answer.rebuild?.state === Rebuild.DONE && answer;
  });

const targetStates = async (engine: EngineProcess, rank: number, svcRanks: number[]) => {
  const answer = await engine.call(
    MgmtMethod.POOL_QUERY_TARGETS,
    PoolQueryTargetReqSchema,
    { id, rank, targets: [0, 1], svcRanks },
    PoolQueryTargetRespSchema,
  );
  expect(answer.status).toBe(0);
  return answer.infos.map((info) => info.state);
};

describe("targets of a pool", () => {
  test("exclude, reintegrate, drain and extend are rebuilt in time that can be seen", async () => {
    const { engine } = await ranks(4);
    const { svcReps } = await createPool(engine(0), [0, 1, 2], id);
    const exclude = await engine(1).call(
      MgmtMethod.EXCLUDE,
      PoolExcludeReqSchema,
      { id, rank: 2, targetidx: [1], svcRanks: svcReps },
      PoolExcludeRespSchema,
    );
    expect(exclude.status).toBe(0);
    const busy = await queryPool(engine(0), id, svcReps, withDisabled);
    expect(busy.rebuild?.state).toBe(Rebuild.BUSY);
    expect(busy).toMatchObject({ disabledTargets: 1, activeTargets: 5, version: 2, disabledRanks: "2" });
    expect(await targetStates(engine(0), 2, svcReps)).toEqual([TargetState.UP_IN, TargetState.DOWN]);
    const done = await rebuilt(engine(0), svcReps);
    expect(done.version).toBe(3);
    expect(await targetStates(engine(0), 2, svcReps)).toEqual([TargetState.UP_IN, TargetState.DOWN_OUT]);
    const output = () => engine(done.svcLdr).output();
    for (const phrase of [
      /rank 2 .* is down/,
      /is excluded/,
      `Rebuild [queued] (pool=${id}`,
      "Rebuild [started]",
      "Rebuild [completed]",
    ]) {
      await until(`"${phrase}" in the output`, () =>
        typeof phrase === "string" ? output().includes(phrase) : phrase.test(output()),
      );
    }
    await until("both rebuild events", () =>
      [6, 7].every((event) => engine(done.svcLdr).events.some((e) => e.id === event && e.poolUuid === id)),
    );

    const reintegrate = await engine(0).call(
      MgmtMethod.REINTEGRATE,
      PoolReintegrateReqSchema,
      { id, rank: 2, targetidx: [1], svcRanks: svcReps, tierbytes: [1_000_000_000n, 0n] },
      PoolReintegrateRespSchema,
    );
    expect(reintegrate.status).toBe(0);
    await until(
      "the target to be in",
      async () => (await targetStates(engine(0), 2, svcReps))[1] === TargetState.UP_IN,
    );

    const drain = await engine(0).call(
      MgmtMethod.DRAIN,
      PoolDrainReqSchema,
      { id, rank: 1, svcRanks: svcReps },
      PoolDrainRespSchema,
    );
    expect(drain.status).toBe(0);
    expect(await targetStates(engine(0), 1, svcReps)).toEqual([TargetState.DRAIN, TargetState.DRAIN]);
    await until(
      "the drain",
      async () => (await targetStates(engine(0), 1, svcReps))[0] === TargetState.DOWN_OUT,
    );

    const extend = await engine(0).call(
      MgmtMethod.EXTEND,
      PoolExtendReqSchema,
      {
        id,
        ranks: [3],
        svcRanks: svcReps,
        tierbytes: [1_000_000_000n, 0n],
        faultDomains: [2, 1, 1, 1, 9, 1, 3],
      },
      PoolExtendRespSchema,
    );
    expect(extend).toMatchObject({ status: 0, tierBytes: [1_000_000_000n, 0n] });
    await until(
      "the new targets",
      async () => (await targetStates(engine(0), 3, svcReps))[0] === TargetState.UP_IN,
    );
    expect((await queryPool(engine(3), id, svcReps)).totalEngines).toBe(4);
  }, 20_000);

  test("unknown ranks, pools and bad requests have their own statuses", async () => {
    const { engine } = await ranks(1);
    const { svcReps } = await createPool(engine(0), [0], id);
    const exclude = (pool: string, rank: number, svcRanks = svcReps) =>
      engine(0).call(
        MgmtMethod.EXCLUDE,
        PoolExcludeReqSchema,
        { id: pool, rank, svcRanks },
        PoolExcludeRespSchema,
      );
    expect((await exclude(id, 7)).status).toBe(-1005);
    expect((await exclude("nonsense", 0)).status).toBe(-1003);
    expect((await exclude(crypto.randomUUID(), 0)).status).toBe(-2020);
    expect((await exclude(id, 0, [])).status).toBe(-2020);
    expect((await createPool(engine(0), [0, 9], crypto.randomUUID())).status).toBe(-1019);
    const huge = await createPool(engine(0), [0], crypto.randomUUID(), { scmBytes: 1n << 40n });
    expect(huge.status).toBe(-1007);
    expect((await queryPool(engine(0), id, svcReps, 0xffff_ffffn)).status).toBe(-2037);
  });

  test("creating a pool again gives the pool there is", async () => {
    const { engine } = await ranks(2);
    const first = await createPool(engine(0), [0, 1], id);
    const second = await createPool(engine(1), [0, 1], id);
    expect(second).toEqual(first);
  });
});

describe("the service of a pool", () => {
  test("moves its replica from a lost rank, and says so", async () => {
    const { engine, kill } = await ranks(4);
    const created = await createPool(engine(0), [0, 1, 2, 3], id);
    expect(created.svcReps).toEqual([0, 1, 2]);
    await kill(0);
    const event = await until("the new replicas", () =>
      engine(1).events.find(
        (e) => e.extendedInfo.case === "poolSvcInfo" && e.extendedInfo.value.svcReps.includes(3),
      ),
    );
    expect(event.extendedInfo.value).toMatchObject({ svcReps: [1, 2, 3] });
    expect(await queryPool(engine(3), id, [0, 1, 2])).toMatchObject({ status: 0, svcLdr: 1 });
  }, 20_000);

  test("answers DER_TIMEDOUT without its majority, and is back when that is", async () => {
    const sys = await ranks(3, { env: { DAOS_LAB_SERVICE_TIMEOUT_MS: "800" } });
    await createPool(sys.engine(0), [0, 1, 2], id);
    await Promise.all([sys.kill(1), sys.kill(2)]);
    const set = () =>
      sys
        .engine(0)
        .call(
          MgmtMethod.POOL_SET_PROP,
          PoolSetPropReqSchema,
          { id, svcRanks: [0, 1, 2], properties: [{ number: 3, value: { case: "numval", value: 5n } }] },
          PoolSetPropRespSchema,
        );
    expect((await set()).status).toBe(-1011);
    await sys.start(1);
    await until("the service", async () => (await set()).status === 0);
  }, 20_000);

  test("keeps properties and access control", async () => {
    const sys = await ranks(1);
    const { engine } = sys;
    const { svcReps: svcRanks } = await createPool(engine(0), [0], id);
    const set = (number: number, value: bigint) =>
      engine(0).call(
        MgmtMethod.POOL_SET_PROP,
        PoolSetPropReqSchema,
        { id, svcRanks, properties: [{ number, value: { case: "numval", value } }] },
        PoolSetPropRespSchema,
      );
    expect((await set(3, 7n)).status).toBe(0);
    expect((await set(3, 700n)).status).toBe(-1003);
    expect((await set(9, 1_048_576n)).status).toBe(-1001);
    const entries = ["A::ann@:r"];
    const modify = (method: number, changes: string[]) =>
      engine(0).call(method, ModifyACLReqSchema, { id, svcRanks, entries: changes }, ACLRespSchema);
    const updated = await modify(MgmtMethod.POOL_UPDATE_ACL, entries);
    expect(updated.acl?.entries).toEqual(["A::OWNER@:rw", "A::ann@:r", "A:G:GROUP@:rw"]);
    expect((await modify(MgmtMethod.POOL_UPDATE_ACL, ["x"])).status).toBe(-1003);
    const remove = (principal: string) =>
      engine(0).call(
        MgmtMethod.POOL_DELETE_ACL,
        DeleteACLReqSchema,
        { id, svcRanks, principal },
        ACLRespSchema,
      );
    expect((await remove("u:ann@")).acl?.entries).toHaveLength(2);
    expect((await remove("u:ann@")).status).toBe(-1005);
    expect((await modify(MgmtMethod.POOL_OVERWRITE_ACL, entries)).acl?.entries).toEqual(entries);

    await sys.kill(0);
    await sys.start(0);
    const got = await engine(0).call(
      MgmtMethod.POOL_GET_PROP,
      PoolGetPropReqSchema,
      { id, svcRanks, properties: [3, 8, 6].map((number) => ({ number })) },
      PoolGetPropRespSchema,
    );
    expect(got.properties.map((p) => p.value.value)).toEqual([7n, "[0]", "root@"]);
    const upgrade = await engine(0).call(
      MgmtMethod.POOL_UPGRADE,
      PoolUpgradeReqSchema,
      { id, svcRanks },
      PoolUpgradeRespSchema,
    );
    expect(upgrade.status).toBe(0);
    const evict = await engine(0).call(
      MgmtMethod.POOL_EVICT,
      PoolEvictReqSchema,
      { id, svcRanks, destroy: true },
      PoolEvictRespSchema,
    );
    expect(evict).toMatchObject({ status: 0, count: 0 });
  });
});

describe("devices", () => {
  test("list, health, a fault that excludes targets, and a spare that brings them back", async () => {
    const sys = await testSystem({ targets: 2, upcalls: { poolReplicas: () => [0] } });
    system = sys;
    const path = join(sys.dir, "daos_nvme.conf");
    const files = [0, 1, 2].map((n) => join(sys.dir, `bdev${n}`));
    for (const file of files) await Bun.$`truncate -s 4G ${file}`.quiet();
    const config = (count: number) =>
      writeFile(
        path,
        JSON.stringify({
          daos_data: { config: [] },
          subsystems: [
            {
              subsystem: "bdev",
              config: files.slice(0, count).map((filename, n) => ({
                params: { block_size: 4096, name: `AIO_host_${n}_1_0`, filename },
                method: "bdev_aio_create",
              })),
            },
          ],
        }),
      );
    await config(2);
    await sys.start(0, { args: ["-n", path] });
    await sys.kill(0);
    await config(3);
    const engine = await sys.start(0, { args: ["-n", path] });
    const list = async () =>
      (await engine.call(MgmtMethod.SMD_LIST_DEVS, SmdDevReqSchema, {}, SmdDevRespSchema)).devices;
    const [first, , spare] = await list();
    expect((await list()).map((d) => [d.tgtIds, d.ctrlr?.devState, d.ctrlr?.ledState])).toEqual([
      [[0], NvmeDevState.NORMAL, LedState.NA],
      [[1], NvmeDevState.NORMAL, LedState.NA],
      [[], NvmeDevState.NEW, LedState.NA],
    ]);
    expect((await createPool(engine, [0], id, { nvmeBytes: 2n << 30n })).tierBytes[1]).toBe(2n << 30n);
    const pools = await engine.call(MgmtMethod.SMD_LIST_POOLS, SmdPoolReqSchema, {}, SmdPoolRespSchema);
    expect(pools.pools).toMatchObject([{ uuid: id, tgtIds: [0, 1] }]);
    const health = (devUuid: string) =>
      engine.call(MgmtMethod.BIO_HEALTH_QUERY, BioHealthReqSchema, { devUuid }, BioHealthRespSchema);
    expect(await health(first?.uuid ?? "")).toMatchObject({
      status: 0,
      totalBytes: 4n << 30n,
      availBytes: 3n << 30n,
    });
    expect((await health("")).status).toBe(-1003);
    expect((await health(crypto.randomUUID())).status).toBe(-1005);

    const faulty = await engine.call(
      MgmtMethod.DEV_SET_FAULTY,
      SetFaultyReqSchema,
      { uuid: first?.uuid ?? "" },
      DevManageRespSchema,
    );
    expect(faulty).toMatchObject({ status: 0, device: { uuid: first?.uuid } });
    expect((await list())[0]?.ctrlr?.devState).toBe(NvmeDevState.EVICTED);
    await until(
      "the target to be out",
      async () => (await targetStates(engine, 0, [0]))[0] === TargetState.DOWN_OUT,
    );
    const replace = (newDevUuid: string) =>
      engine.call(
        MgmtMethod.DEV_REPLACE,
        DevReplaceReqSchema,
        { oldDevUuid: first?.uuid ?? "", newDevUuid },
        DevManageRespSchema,
      );
    expect((await replace(crypto.randomUUID())).status).toBe(-1003);
    expect(await replace(spare?.uuid ?? "")).toMatchObject({ status: 0, device: { uuid: spare?.uuid } });
    await until(
      "the target to be back",
      async () => (await targetStates(engine, 0, [0]))[0] === TargetState.UP_IN,
    );
    await until("both device events", () =>
      [18, 22].every((event) => engine.events.some((e) => e.id === event)),
    );
    const led = await engine.call(
      MgmtMethod.LED_MANAGE,
      LedManageReqSchema,
      { ids: "0000:01:00.0", ledAction: LedAction.GET },
      DevManageRespSchema,
    );
    expect(led.device?.ctrlr).toMatchObject({ pciAddr: "0000:01:00.0", ledState: LedState.NA });
  }, 20_000);
});

describe("the engine", () => {
  test("that hangs is found dead, its pools go on, and it ends when it wakes up excluded", async () => {
    const sys = await ranks(3);
    const created = await createPool(sys.engine(0), [0, 1, 2], id);
    expect(created.svcLdr).toBe(0);
    await until("the others to know each other", () => sys.engine(1).output().includes("started on rank 1"));
    sys.engine(0).process.kill("SIGSTOP");
    const dead = await until("swim_rank_dead", () =>
      [1, 2].flatMap((rank) => sys.engine(rank).events).find((e) => e.id === 15),
    );
    expect(dead.rank).toBe(0);
    expect(await queryPool(sys.engine(2), id, [0, 1, 2])).toMatchObject({ status: 0, svcLdr: 1 });
    await sys.exclude(0);
    sys.engine(0).process.kill("SIGCONT");
    await sys.engine(0).process.exited;
    expect(sys.engine(0).process.signalCode).toBe("SIGKILL");
  }, 20_000);

  test("kills itself when the group map names it no longer", async () => {
    const sys = await ranks(2);
    await sys.exclude(1);
    await sys.engine(1).process.exited;
    expect(sys.engine(1).process.signalCode).toBe("SIGKILL");
  });

  test("takes log masks, and goes on with its mask when given nonsense", async () => {
    const { engine, dir } = await ranks(1);
    const masks = (text: string) =>
      engine(0).call(MgmtMethod.SET_LOG_MASKS, SetLogMasksReqSchema, { masks: text }, SetLogMasksRespSchema);
    expect((await masks("INFO,mgmt=ERR")).status).toBe(0);
    expect((await masks("LOUD")).status).toBe(0);
    const log = await Bun.file(join(dir, "engine0.log")).text();
    expect(log.split("\n")[0]).toContain("emulated engine");
    expect(log).toContain("log masks are now INFO,mgmt=ERR");
  });

  test("ends on SIGTERM and SIGINT, also while its server does not answer", async () => {
    const { engine } = await ranks(2);
    for (const [rank, signal] of [
      [0, "SIGTERM"],
      [1, "SIGINT"],
    ] as const) {
      engine(rank).process.kill(signal);
      expect(await engine(rank).process.exited).toBe(0);
    }
  });

  test("ends with an error for arguments it does not know, and without its server", async () => {
    const main = join(import.meta.dir, "../../src/main.ts");
    for (const args of [["--bogus"], ["-t", "1", "-d", "/nonexistent", "-s", "/tmp/nonexistent/x"]]) {
      const child = Bun.spawn({
        cmd: [process.execPath, main, "lab", "engine", ...args],
        stdout: "ignore",
        stderr: "ignore",
      });
      expect(await child.exited).not.toBe(0);
    }
  });

  test("loses nothing it acknowledged, however often it is killed", async () => {
    const sys = await ranks(1);
    const acknowledged: string[] = [];
    for (let round = 0; round < 12; round++) {
      const engine = sys.engine(0);
      const first = Promise.withResolvers<void>();
      const creating = Array.from({ length: 3 }, async () => {
        const uuid = crypto.randomUUID();
        const answer = await createPool(engine, [0], uuid, { scmBytes: 1n << 24n }).catch(() => undefined);
        if (answer?.status !== 0) return;
        acknowledged.push(uuid);
        first.resolve();
      });
      // Now right after an answer, now at any moment.
      await Promise.race([first.promise, ...(round % 2 === 0 ? [] : [Bun.sleep(Math.random() * 30)])]);
      await sys.kill(0);
      await Promise.all(creating);
      await sys.start(0);
    }
    for (const uuid of acknowledged) expect((await queryPool(sys.engine(0), uuid, [0])).status).toBe(0);
    expect(acknowledged.length).toBeGreaterThanOrEqual(6);
  }, 30_000);
});
