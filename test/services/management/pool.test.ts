import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { MgmtMethod } from "../../../src/drpc/methods.ts";
import { Fault } from "../../../src/faults/fault.ts";
import { ACLRespSchema, ModifyACLReqSchema } from "../../../src/gen/mgmt/acl_pb.ts";
import { ContSetOwnerReqSchema } from "../../../src/gen/mgmt/cont_pb.ts";
import * as pb from "../../../src/gen/mgmt/pool_pb.ts";
import { DerStatus } from "../../../src/system/pools.ts";
import { createRequest, joinRequest, type TestSystem, testSystem, testUuid, until } from "./support.ts";

const gib = 1n << 30n;

describe("pools", () => {
  let system: TestSystem;
  beforeEach(async () => {
    system = await testSystem();
    await system.joinMany(4);
    system.engine.on(MgmtMethod.POOL_CREATE, pb.PoolCreateReqSchema, pb.PoolCreateRespSchema, (request) => ({
      svcLdr: request.ranks[0],
      svcReps: request.ranks.slice(0, 3),
      tgtRanks: request.ranks,
      tierBytes: request.tierbytes,
    }));
  });
  afterEach(() => system.close());

  const created = () => system.engine.requests(MgmtMethod.POOL_CREATE, pb.PoolCreateReqSchema);
  const pools = async () =>
    (await system.call("listPools")).pools.map(({ uuid, label, state, svcReps }) => ({
      uuid,
      label,
      state,
      svcReps,
    }));

  describe("PoolCreate", () => {
    test("makes a pool on all ranks, with what the engine needs to know", async () => {
      const answer = await system.call("poolCreate", createRequest(1));
      expect(answer).toMatchObject({
        svcReps: [0, 1, 2],
        tgtRanks: [0, 1, 2, 3],
        tierBytes: [gib, 4n * gib],
      });
      const [sent] = created();
      expect(sent).toMatchObject({
        uuid: testUuid(1),
        ranks: [0, 1, 2, 3],
        tierbytes: [gib, 4n * gib],
        totalbytes: 0n,
        tierratio: [],
        numranks: 0,
      });
      expect(sent!.faultDomains.slice(0, 3)).toEqual([2, 1, 4]);
      expect(await pools()).toEqual([
        { uuid: testUuid(1), label: "pool1", state: "Ready", svcReps: [0, 1, 2] },
      ]);
    });

    test("gives the pool the properties of the system, but for those the request sets", async () => {
      await system.call("systemSetProp", { properties: { pool_scrub_mode: "lazy", pool_scrub_thresh: "9" } });
      const request = createRequest(1);
      request.properties!.push({ number: 18, value: { case: "numval", value: 3n } });
      await system.call("poolCreate", request);
      const numbers = created()[0]!.properties.map(({ number, value }) => [number, value.value]);
      expect(numbers).toEqual([
        [1, "pool1"],
        [18, 3n],
        [16, 1n],
      ]);
    });

    test.each([
      [615, { properties: [] }],
      [606, { ranks: [0, 9] }],
      [607, { numranks: 5 }],
      [608, { numsvcreps: 5 }],
      [604, { tierbytes: [1n << 20n, 0n] }],
      [605, { tierbytes: [gib, 1n << 20n] }],
    ])("refuses with fault %p, and leaves nothing behind: %p", async (code, change) => {
      await expect(system.call("poolCreate", { ...createRequest(1), ...change })).rejects.toMatchObject({
        code,
      });
      expect(created()).toEqual([]);
      expect(await pools()).toEqual([]);
    });

    test("refuses a label that is in use with fault 609", async () => {
      await system.call("poolCreate", createRequest(1));
      const twin = { ...createRequest(2), properties: createRequest(1).properties };
      await expect(system.call("poolCreate", twin)).rejects.toMatchObject({ code: 609 });
    });

    test("refuses what is no UUID", async () => {
      await expect(system.call("poolCreate", { ...createRequest(1), uuid: "7" })).rejects.toThrow(
        'failed to parse pool UUID "7"',
      );
    });

    test("asked again answers the pool that is there, and makes no second", async () => {
      const first = await system.call("poolCreate", createRequest(1));
      system.engine.on(MgmtMethod.POOL_QUERY, pb.PoolQueryReqSchema, pb.PoolQueryRespSchema, () => ({
        svcLdr: 2,
      }));
      const again = await system.call("poolCreate", createRequest(1));
      expect(again).toMatchObject({ ...first, svcLdr: 2, $typeName: first.$typeName });
      expect(created()).toHaveLength(1);
    });

    test("asked twice at a time makes one pool, and answers it to both", async () => {
      const [one, other] = await Promise.all([
        system.call("poolCreate", createRequest(1)),
        system.call("poolCreate", createRequest(1)),
      ]);
      expect(other?.tgtRanks).toEqual(one!.tgtRanks);
      expect(created()).toHaveLength(1);
    });

    test("goes one at a time", async () => {
      let running = 0;
      let most = 0;
      system.engine.on(MgmtMethod.POOL_CREATE, pb.PoolCreateReqSchema, pb.PoolCreateRespSchema, async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return {};
      });
      await Promise.all([1, 2, 3, 4].map((n) => system.call("poolCreate", createRequest(n))));
      expect(most).toBe(1);
    });

    test("forgets the pool when the engine refuses, and the label is free again", async () => {
      system.engine.on(MgmtMethod.POOL_CREATE, pb.PoolCreateReqSchema, pb.PoolCreateRespSchema, () => ({
        status: -1007,
      }));
      expect((await system.call("poolCreate", createRequest(1))).status).toBe(-1007);
      expect(await pools()).toEqual([]);
    });

    test("forgets the pool when no engine takes calls", async () => {
      system.engine.ready = false;
      await expect(system.call("poolCreate", createRequest(1))).rejects.toMatchObject({ code: 611 });
      expect(await pools()).toEqual([]);
    });

    test("cleans up on the engines when it cannot know what became of the pool", async () => {
      system.engine.on(MgmtMethod.POOL_CREATE, pb.PoolCreateReqSchema, pb.PoolCreateRespSchema, () => {
        throw new Error("connection lost");
      });
      await expect(system.call("poolCreate", createRequest(1))).rejects.toThrow("connection lost");
      await until(async () => (await pools()).length === 0);
      const [destroyed] = system.engine.requests(MgmtMethod.POOL_DESTROY, pb.PoolDestroyReqSchema);
      expect(destroyed).toMatchObject({
        id: testUuid(1),
        force: true,
        recursive: true,
        svcRanks: [0, 1, 2, 3],
      });
    });

    test("cleans up on the other engines when the one it was asked of goes away under it", async () => {
      system.engine.diesAt = MgmtMethod.POOL_CREATE;
      await expect(system.call("poolCreate", createRequest(1))).rejects.toMatchObject({ code: 611 });
      expect(await pools()).toMatchObject([{ state: "Destroying" }]);
      expect((await system.call("poolCreate", createRequest(1))).status).toBe(DerStatus.Again);
      system.engine.ready = true;
      await until(async () => (await pools()).length === 0);
      await system.call("poolCreate", createRequest(1));
      expect(await pools()).toMatchObject([{ state: "Ready" }]);
    });

    test("half made when the server died: it is removed, and can be made again", async () => {
      let started: () => void = () => undefined;
      const begun = new Promise<void>((resolve) => {
        started = resolve;
      });
      system.engine.on(MgmtMethod.POOL_CREATE, pb.PoolCreateReqSchema, pb.PoolCreateRespSchema, () => {
        started();
        return new Promise(() => undefined);
      });
      void system.call("poolCreate", createRequest(1));
      await begun;
      expect(await pools()).toMatchObject([{ state: "Creating" }]);
      await system.restart();
      await until(async () => (await pools()).length === 0);
      system.engine.on(MgmtMethod.POOL_CREATE, pb.PoolCreateReqSchema, pb.PoolCreateRespSchema, () => ({}));
      await system.call("poolCreate", createRequest(1));
      expect(await pools()).toMatchObject([{ state: "Ready" }]);
    });
  });

  describe("PoolDestroy", () => {
    const containers = (list: { uuid: string }[], status = 0) =>
      system.engine.on(MgmtMethod.LIST_CONTAINERS, pb.ListContReqSchema, pb.ListContRespSchema, () => ({
        containers: list,
        status,
      }));
    const evict = (status: number) =>
      system.engine.on(MgmtMethod.POOL_EVICT, pb.PoolEvictReqSchema, pb.PoolEvictRespSchema, () => ({
        status,
      }));
    beforeEach(() => system.call("poolCreate", createRequest(1)));

    test("evicts, destroys on all ranks, and forgets the pool", async () => {
      const before = system.engine.calls.length;
      await system.call("poolDestroy", { id: "pool1", sys: "daos_server" });
      const methods = system.engine.calls.slice(before).map(({ method }) => method);
      expect(methods).toEqual([MgmtMethod.LIST_CONTAINERS, MgmtMethod.POOL_EVICT, MgmtMethod.POOL_DESTROY]);
      const [evicted] = system.engine.requests(MgmtMethod.POOL_EVICT, pb.PoolEvictReqSchema);
      expect(evicted).toMatchObject({
        id: testUuid(1),
        destroy: true,
        forceDestroy: false,
        svcRanks: [0, 1, 2],
      });
      expect(await pools()).toEqual([]);
    });

    test("refuses a pool with containers with fault 618, unless recursive", async () => {
      containers([{ uuid: testUuid(50) }]);
      await expect(system.call("poolDestroy", { id: "pool1" })).rejects.toMatchObject({ code: 618 });
      expect(await pools()).toMatchObject([{ state: "Ready" }]);
      await system.call("poolDestroy", { id: "pool1", recursive: true });
      expect(await pools()).toEqual([]);
    });

    test("answers the status of a service that cannot list containers", async () => {
      containers([], DerStatus.Again);
      expect((await system.call("poolDestroy", { id: "pool1" })).status).toBe(DerStatus.Again);
      expect(await pools()).toMatchObject([{ state: "Ready" }]);
    });

    test("leaves a busy pool alone, unless forced", async () => {
      evict(DerStatus.Busy);
      expect((await system.call("poolDestroy", { id: "pool1" })).status).toBe(DerStatus.Busy);
      expect(await pools()).toMatchObject([{ state: "Ready" }]);
      expect((await system.call("poolDestroy", { id: "pool1", force: true })).status).toBe(0);
      expect(await pools()).toEqual([]);
    });

    test("stays in state Destroying when eviction fails otherwise, and is finished in time", async () => {
      evict(-1025);
      expect((await system.call("poolDestroy", { id: "pool1" })).status).toBe(-1025);
      expect(await pools()).toMatchObject([{ state: "Destroying" }]);
      expect((await system.call("poolDestroy", { id: "pool1" })).status).toBe(0);
      expect(await pools()).toEqual([]);
    });

    test("is taken up again by the next leader", async () => {
      system.engine.on(MgmtMethod.POOL_DESTROY, pb.PoolDestroyReqSchema, pb.PoolDestroyRespSchema, () => ({
        status: -1011,
      }));
      expect((await system.call("poolDestroy", { id: "pool1" })).status).toBe(-1011);
      expect(await pools()).toMatchObject([{ state: "Destroying" }]);
      system.engine.on(
        MgmtMethod.POOL_DESTROY,
        pb.PoolDestroyReqSchema,
        pb.PoolDestroyRespSchema,
        () => ({}),
      );
      await system.restart();
      await until(async () => (await pools()).length === 0);
    });

    test("a pool being destroyed takes no calls: DER_AGAIN", async () => {
      evict(-1025);
      await system.call("poolDestroy", { id: "pool1" });
      await expect(system.call("poolQuery", { id: "pool1" })).rejects.toMatchObject({
        status: DerStatus.Again,
      });
    });

    test("does not know a pool that is not there", async () => {
      await expect(system.call("poolDestroy", { id: "nopool" })).rejects.toMatchObject({
        name: "PoolNotFoundError",
        message: 'unable to find pool service with label "nopool"',
      });
      await expect(system.call("poolDestroy", { id: testUuid(77) })).rejects.toThrow(`uuid ${testUuid(77)}`);
    });

    test("of a locked pool is fault 402", async () => {
      let release: () => void = () => undefined;
      system.engine.on(
        MgmtMethod.POOL_OVERWRITE_ACL,
        ModifyACLReqSchema,
        ACLRespSchema,
        () =>
          new Promise((resolve) => {
            release = () => resolve({});
          }),
      );
      const slow = system.call("poolOverwriteACL", { id: "pool1" });
      await until(() => system.engine.calls.some(({ method }) => method === MgmtMethod.POOL_OVERWRITE_ACL));
      await expect(system.call("poolDestroy", { id: "pool1" })).rejects.toMatchObject({
        code: 402,
        resolution: "retry the pool operation",
      });
      release();
      await slow;
      await system.call("poolDestroy", { id: "pool1" });
    });
  });

  describe("calls passed on", () => {
    beforeEach(() => system.call("poolCreate", createRequest(1)));

    test("name the pool by UUID and go to the ranks of its service that are up", async () => {
      await system.call("systemExclude", { ranks: "1" });
      await system.call("poolQuery", { id: "pool1", sys: "daos_server-2.6.0" });
      const [sent] = system.engine.requests(MgmtMethod.POOL_QUERY, pb.PoolQueryReqSchema);
      expect(sent).toMatchObject({ id: testUuid(1), svcRanks: [0, 2], sys: "daos_server-2.6.0" });
    });

    test("fail when no rank of the service is up", async () => {
      await system.call("systemExclude", { ranks: "0-2" });
      await expect(system.call("poolQuery", { id: "pool1" })).rejects.toThrow(
        `unable to find any available service ranks for pool ${testUuid(1)}`,
      );
    });

    test("PoolQuery asks for all but the lists of engines, and tells older callers the leader", async () => {
      system.engine.on(MgmtMethod.POOL_QUERY, pb.PoolQueryReqSchema, pb.PoolQueryRespSchema, () => ({
        svcLdr: 2,
      }));
      expect(await system.call("poolQuery", { id: "pool1" })).toMatchObject({ svcLdr: 2, leader: 2 });
      await system.call("poolQuery", { id: "pool1", queryMask: 5n });
      const masks = system.engine
        .requests(MgmtMethod.POOL_QUERY, pb.PoolQueryReqSchema)
        .map(({ queryMask }) => queryMask);
      expect(masks).toEqual([0xffff_ffff_ffff_fff3n, 5n]);
    });

    test("a status of the engine is answered as it is", async () => {
      system.engine.on(MgmtMethod.DRAIN, pb.PoolDrainReqSchema, pb.PoolDrainRespSchema, () => ({
        status: -1032,
      }));
      expect((await system.call("poolDrain", { id: "pool1", rank: 1 })).status).toBe(-1032);
    });

    test("an answer that cannot be read is an error", async () => {
      system.engine.on(
        MgmtMethod.POOL_GET_PROP,
        pb.PoolGetPropReqSchema,
        pb.PoolGetPropRespSchema,
        () => ({}),
      );
      system.engine.answerBytes(MgmtMethod.POOL_GET_PROP, new Uint8Array([0xff, 0xff]));
      await expect(system.call("poolGetProp", { id: "pool1", properties: [{ number: 1 }] })).rejects.toThrow(
        "unmarshal PoolGetProp response",
      );
    });

    test("PoolExtend tells the engine domains and sizes", async () => {
      await system.call("join", joinRequest(9));
      await system.call("poolExtend", { id: "pool1", ranks: [4] });
      const [sent] = system.engine.requests(MgmtMethod.EXTEND, pb.PoolExtendReqSchema);
      expect(sent).toMatchObject({ tierbytes: [gib, 4n * gib], ranks: [4] });
      expect(sent!.faultDomains.slice(0, 3)).toEqual([2, 1, 1]);
    });

    test("PoolReintegrate needs a rank that is up", async () => {
      await system.call("systemExclude", { ranks: "3" });
      await expect(system.call("poolReintegrate", { id: "pool1", rank: 3 })).rejects.toMatchObject({
        code: 606,
      });
      await expect(system.call("poolReintegrate", { id: "pool1", rank: 9 })).rejects.toThrow("rank 9");
      await system.call("poolReintegrate", { id: "pool1", rank: 2 });
      const [sent] = system.engine.requests(MgmtMethod.REINTEGRATE, pb.PoolReintegrateReqSchema);
      expect(sent).toMatchObject({ rank: 2, tierbytes: [gib, 4n * gib] });
    });

    test("PoolGetProp and PoolSetProp need properties", async () => {
      await expect(system.call("poolGetProp", { id: "pool1" })).rejects.toThrow("0 properties");
      await expect(system.call("poolSetProp", { id: "pool1" })).rejects.toThrow("0 properties");
    });

    test("ContSetOwner finds its pool by the name that this request has for it", async () => {
      await system.call("contSetOwner", { poolUUID: "pool1", contUUID: testUuid(60), owneruser: "u@" });
      const [sent] = system.engine.requests(MgmtMethod.CONT_SET_OWNER, ContSetOwnerReqSchema);
      expect(sent).toMatchObject({ poolUUID: testUuid(1), svcRanks: [0, 1, 2], owneruser: "u@" });
    });

    test("evictions of handles that wait are joined into one call a pool", async () => {
      system.engine.on(
        MgmtMethod.POOL_EVICT,
        pb.PoolEvictReqSchema,
        pb.PoolEvictRespSchema,
        async ({ handles }) => {
          await new Promise((resolve) => setImmediate(resolve));
          return { count: handles.length };
        },
      );
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          system.call("poolEvict", { id: "pool1", handles: [testUuid(n)] }),
        ),
      );
      const sent = system.engine.requests(MgmtMethod.POOL_EVICT, pb.PoolEvictReqSchema);
      expect(sent.length).toBeLessThan(5);
      expect(sent.flatMap(({ handles }) => handles).sort()).toEqual(
        Array.from({ length: 10 }, (_, n) => testUuid(n)).sort(),
      );
      expect(answers).toHaveLength(10);
    });
  });

  describe("labels", () => {
    const labelled = (label: string) => ({
      properties: [{ number: 1, value: { case: "strval" as const, value: label } }],
    });
    beforeEach(() => system.call("poolCreate", createRequest(1)));

    test("are set in the pool and known here, in this order", async () => {
      await system.call("poolSetProp", { id: "pool1", ...labelled("renamed") });
      expect(await pools()).toMatchObject([{ label: "renamed" }]);
      await expect(system.call("poolQuery", { id: "pool1" })).rejects.toThrow("unable to find pool service");
      await system.call("poolQuery", { id: "renamed" });
    });

    test("stay when the engine refuses", async () => {
      system.engine.on(MgmtMethod.POOL_SET_PROP, pb.PoolSetPropReqSchema, pb.PoolSetPropRespSchema, () => ({
        status: -1001,
      }));
      await expect(system.call("poolSetProp", { id: "pool1", ...labelled("renamed") })).rejects.toThrow(
        "label update failed",
      );
      expect(await pools()).toMatchObject([{ label: "pool1" }]);
    });

    test("are one of a kind: fault 609; the pool's own may be set again", async () => {
      await system.call("poolCreate", createRequest(2));
      await expect(system.call("poolSetProp", { id: "pool1", ...labelled("pool2") })).rejects.toMatchObject({
        code: 609,
      });
      await system.call("poolSetProp", { id: "pool1", ...labelled("pool1") });
    });

    test("go before other properties, which are sent together", async () => {
      const properties = [
        { number: 3, value: { case: "numval" as const, value: 5n } },
        ...labelled("renamed").properties,
        { number: 4, value: { case: "numval" as const, value: 6n } },
      ];
      await system.call("poolSetProp", { id: "pool1", properties });
      const sent = system.engine
        .requests(MgmtMethod.POOL_SET_PROP, pb.PoolSetPropReqSchema)
        .map((request) => request.properties.map(({ number }) => number));
      expect(sent).toEqual([[1], [3, 4]]);
    });
  });

  describe("properties of the system", () => {
    test("are set in pools that exist", async () => {
      await system.call("poolCreate", createRequest(1));
      await system.call("systemSetProp", { properties: { pool_scrub_mode: "timed" } });
      const [sent] = system.engine.requests(MgmtMethod.POOL_SET_PROP, pb.PoolSetPropReqSchema);
      expect(sent).toMatchObject({ id: testUuid(1), svcRanks: [0, 1, 2] });
      expect(sent!.properties.map(({ number, value }) => [number, value.value])).toEqual([[16, 2n]]);
    });

    test("SystemCleanup evicts a machine's handles from every pool", async () => {
      await system.call("poolCreate", createRequest(1));
      await system.call("poolCreate", createRequest(2));
      system.engine.on(MgmtMethod.POOL_EVICT, pb.PoolEvictReqSchema, pb.PoolEvictRespSchema, ({ id }) =>
        id === testUuid(1) ? { count: 4 } : { status: -1025 },
      );
      const { results } = await system.call("systemCleanup", { machine: "node7" });
      expect(results.map(({ poolId, status, count, msg }) => ({ poolId, status, count, msg }))).toEqual([
        { poolId: testUuid(1), status: 0, count: 4, msg: "" },
        {
          poolId: testUuid(2),
          status: -1025,
          count: 0,
          msg: `Unable to clean up handles for machine node7 on pool ${testUuid(2)}`,
        },
      ]);
      await expect(system.call("systemCleanup")).rejects.toThrow("requires a machine name");
    });
  });

  test("a commit that fails after the engine has made the pool leaves no pool that nobody knows", async () => {
    const broken = await testSystem({
      openStore: async () => {
        const records = new Map<string, string>();
        return {
          load: async () => records,
          async commit(ops) {
            if (ops.some(({ value }) => value?.includes('"Ready"')))
              throw new Fault("server", 600, "disk full");
            for (const { key, value } of ops)
              value === undefined ? records.delete(key) : records.set(key, value);
          },
          leadership: () => ({ leader: true, term: 1n, leaderHint: "10.0.0.1:10001" }),
          onLeadership: () => () => undefined,
          onChange: () => () => undefined,
          barrier: async () => undefined,
          close: async () => undefined,
        };
      },
    });
    await broken.joinMany(1);
    await expect(broken.call("poolCreate", createRequest(1))).rejects.toThrow("disk full");
    await until(async () => (await broken.call("listPools")).pools.length === 0);
    expect(broken.engine.requests(MgmtMethod.POOL_DESTROY, pb.PoolDestroyReqSchema)).toHaveLength(1);
    await broken.close();
  });
});
