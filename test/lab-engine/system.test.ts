import { afterEach, expect, test } from "bun:test";
import { MgmtMethod } from "../../src/drpc/methods.ts";
import { PoolDestroyReqSchema, PoolDestroyRespSchema } from "../../src/gen/mgmt/pool_pb.ts";
import { createPool, queryPool, withDisabled } from "./pools.ts";
import { stopInOrder, type TestSystem, testSystem, until } from "./support.ts";

let system: TestSystem | undefined;
afterEach(async () => {
  await system?.close();
  system = undefined;
});

test("a pool spans three ranks, survives a restart, and loses a killed rank", async () => {
  system = await testSystem();
  const sys = system;
  await Promise.all([sys.start(0)]);
  await sys.start(1);
  await sys.start(2);
  const uuid = crypto.randomUUID();
  const created = await createPool(sys.engine(1), [0, 1, 2], uuid);
  expect(created.status).toBe(0);
  expect(created.svcReps).toEqual([0, 1, 2]);
  expect(created.tgtRanks).toEqual([0, 1, 2]);
  const query = await queryPool(sys.engine(2), uuid, created.svcReps);
  expect(query.status).toBe(0);
  expect(query.totalTargets).toBe(6);
  expect(query.enabledRanks).toBe("0-2");
  const event = await until("the replica event", () =>
    sys.engine(query.svcLdr).events.find((e) => e.id === 9 && e.poolUuid === uuid),
  );
  expect(event.extendedInfo).toMatchObject({ case: "poolSvcInfo" });

  await sys.kill(2);
  const dead = await until("swim_rank_dead", () =>
    [0, 1].flatMap((r) => sys.engine(r).events).find((e) => e.id === 15),
  );
  expect(dead.rank).toBe(2);
  expect(dead.msg).toBe("SWIM marked rank as dead.");
  expect(dead.incarnation).toBe(sys.engine(2).ready.incarnation);
  const degraded = await until("the exclusion", async () => {
    const answer = await queryPool(sys.engine(0), uuid, [0, 1, 2], withDisabled);
    return answer.disabledTargets === 2 && answer.rebuild?.state === 1 && answer;
  });
  expect(degraded.disabledRanks).toBe("2");

  // Both survivors end as kill -9 ends them, and come back with the pool.
  await Promise.all([sys.kill(0), sys.kill(1)]);
  await sys.start(0);
  await sys.start(1);
  const again = await queryPool(sys.engine(0), uuid, [0, 1]);
  expect(again.status).toBe(0);
  expect(again.disabledTargets).toBe(2);
  const destroyed = await sys
    .engine(1)
    .call(
      MgmtMethod.POOL_DESTROY,
      PoolDestroyReqSchema,
      { id: uuid, svcRanks: [0, 1] },
      PoolDestroyRespSchema,
    );
  expect(destroyed.status).toBe(0);
  expect((await queryPool(sys.engine(0), uuid, [0, 1])).status).toBe(-2020);
}, 30_000);

test("an engine stopped in order is not taken for dead and exits with 0 at once", async () => {
  system = await testSystem();
  const sys = system;
  await sys.start(0);
  await sys.start(1);
  await until("each to know the other", () => sys.engine(0).output().includes("started on rank 0"));
  const at = performance.now();
  expect(await stopInOrder(sys.engine(1))).toBe(0);
  expect(performance.now() - at).toBeLessThan(2000);
});
