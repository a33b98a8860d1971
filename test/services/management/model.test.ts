import { expect, test } from "bun:test";
import fc from "fast-check";
import { MgmtMethod } from "../../../src/drpc/methods.ts";
import {
  PoolCreateReqSchema,
  PoolCreateRespSchema,
  PoolDestroyReqSchema,
  PoolDestroyRespSchema,
} from "../../../src/gen/mgmt/pool_pb.ts";
import { formatRanks } from "../../../src/system/ranks.ts";
import { createRequest, joinRequest, type TestSystem, testSystem, testUuid } from "./support.ts";

/** What one caller asks for; several are under way at a time. */
type Operation =
  | { readonly kind: "join"; readonly engine: number; readonly incarnation: number }
  | { readonly kind: "create"; readonly pool: number; readonly label: number }
  | { readonly kind: "destroy"; readonly pool: number }
  | { readonly kind: "attribute"; readonly key: number; readonly value: number }
  | { readonly kind: "exclude"; readonly rank: number; readonly clear: boolean }
  | { readonly kind: "dead"; readonly rank: number; readonly incarnation: number };

const small = fc.integer({ min: 0, max: 7 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("join" as const), engine: small, incarnation: small }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("create" as const), pool: small, label: small }) },
  fc.record({ kind: fc.constant("destroy" as const), pool: small }),
  fc.record({ kind: fc.constant("attribute" as const), key: small, value: small }),
  fc.record({ kind: fc.constant("exclude" as const), rank: small, clear: fc.boolean() }),
  fc.record({ kind: fc.constant("dead" as const), rank: small, incarnation: small }),
);

/** Everything this system has said yes to, as long as it holds. */
interface Acknowledged {
  readonly ranks: Map<string, number>;
  readonly pools: Map<string, string>;
  readonly attributes: Map<string, string>;
  /** Pools whose destroy was asked for and failed: there as before, on their way out, or gone. */
  readonly leaving: Set<string>;
  /** What should never have happened and did. */
  readonly violations: string[];
}

async function perform(system: TestSystem, done: Acknowledged, op: Operation): Promise<void> {
  switch (op.kind) {
    case "join": {
      const request = joinRequest(op.engine + 1, { incarnation: BigInt(op.incarnation) });
      const { rank } = await system.call("join", request);
      const before = done.ranks.get(request.uuid!);
      if (before !== undefined && before !== rank) done.violations.push(`rank ${before} became ${rank}`);
      done.ranks.set(request.uuid!, rank);
      return;
    }
    case "create": {
      const uuid = testUuid(100 + op.pool);
      const request = { ...createRequest(op.label), uuid };
      await system.call("poolCreate", request);
      if (!done.pools.has(uuid) && !done.leaving.has(uuid)) done.pools.set(uuid, `pool${op.label}`);
      return;
    }
    case "destroy": {
      const uuid = testUuid(100 + op.pool);
      try {
        await system.call("poolDestroy", { id: uuid, force: true });
        done.leaving.delete(uuid);
      } catch (error) {
        if (done.pools.has(uuid)) done.leaving.add(uuid);
        throw error;
      } finally {
        done.pools.delete(uuid);
      }
      return;
    }
    case "attribute":
      await system.call("systemSetAttr", { attributes: { [`key${op.key}`]: `value${op.value}` } });
      done.attributes.set(`key${op.key}`, `value${op.value}`);
      return;
    case "exclude":
      await system.call("systemExclude", { ranks: String(op.rank), clear: op.clear });
      return;
    case "dead":
      await system.management.handleEvent({
        id: 15,
        type: 1,
        rank: op.rank,
        incarnation: BigInt(op.incarnation),
      });
  }
}

async function check(system: TestSystem, done: Acknowledged): Promise<void> {
  const members = done.ranks.size === 0 ? [] : (await system.call("systemQuery")).members;
  expect(new Map(members.map(({ uuid, rank }) => [uuid, rank]))).toEqual(
    new Map([...done.ranks].sort(byRank)),
  );
  expect(new Set(members.map(({ rank }) => rank)).size).toBe(members.length);
  const { pools } = await system.call("listPools");
  for (const uuid of [...done.leaving]) {
    const pool = pools.find((candidate) => candidate.uuid === uuid);
    if (pool?.state === "Destroying") continue;
    done.leaving.delete(uuid);
    if (pool !== undefined) done.pools.set(uuid, pool.label);
  }
  const ready = pools.filter(({ state, uuid }) => state === "Ready" && !done.leaving.has(uuid));
  expect(new Map(ready.map(({ uuid, label }) => [uuid, label]))).toEqual(new Map([...done.pools].sort()));
  expect(new Set(pools.map(({ label }) => label)).size).toBe(pools.length);
  expect((await system.call("systemGetAttr")).attributes).toEqual(Object.fromEntries(done.attributes));
}

const byRank = ([, a]: [string, number], [, b]: [string, number]) => a - b;

test("whatever is asked, in whatever order: nothing acknowledged is lost, no rank and no pool twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(operation, { maxLength: 6 }), { maxLength: 6 }), async (waves) => {
      const system = await testSystem();
      const made = new Set<string>();
      const done: Acknowledged = {
        ranks: new Map(),
        pools: new Map(),
        attributes: new Map(),
        leaving: new Set(),
        violations: [],
      };
      system.engine.on(
        MgmtMethod.POOL_CREATE,
        PoolCreateReqSchema,
        PoolCreateRespSchema,
        ({ uuid, ranks }) => {
          expect(made).not.toContain(uuid);
          made.add(uuid);
          return { svcReps: ranks.slice(0, 1), tgtRanks: ranks };
        },
      );
      system.engine.on(MgmtMethod.POOL_DESTROY, PoolDestroyReqSchema, PoolDestroyRespSchema, ({ id }) => {
        made.delete(id);
        return {};
      });
      try {
        for (const wave of waves) {
          // Attributes of one wave have no order among themselves: the last to be asked for is acknowledged last.
          const results = await Promise.allSettled(wave.map((op) => perform(system, done, op)));
          for (const result of results) {
            if (result.status === "rejected") expect(result.reason).toBeInstanceOf(Error);
          }
          expect(done.violations).toEqual([]);
          await check(system, done);
          const staying = [...made].filter((uuid) => !done.leaving.has(uuid));
          expect(staying.sort()).toEqual([...done.pools.keys()].sort());
          await system.restart();
          await check(system, done);
        }
      } finally {
        await system.close();
      }
    }),
    { numRuns: 25 },
  );
}, 30_000);

test("ranks given away stay given away when members are excluded or die", async () => {
  const system = await testSystem();
  const ranks = await system.joinMany(20);
  await system.call("systemExclude", { ranks: formatRanks(ranks.slice(10)) });
  await system.restart();
  const { rank } = await system.call("join", joinRequest(99));
  expect(ranks).not.toContain(rank);
  await system.close();
});
