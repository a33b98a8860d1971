import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Der, DerError } from "../../src/lab/engine/der.ts";
import { parseFaultDomains, planReplicas, redundancyOfReplicas } from "../../src/lab/engine/domains.ts";
import {
  changeTargets,
  extendPool,
  finishRebuild,
  loseRank,
  type NewPool,
  newPool,
  type Pool,
  propertyValue,
  wishedReplicas,
} from "../../src/lab/engine/pool.ts";
import { isDisabled, ranksByHealth } from "../../src/lab/engine/pool-map.ts";
import { poolSpace } from "../../src/lab/engine/pool-space.ts";
import { addContainer, connect, evict, setContainerOwner } from "../../src/lab/engine/pool-use.ts";
import { PoolProp } from "../../src/lab/engine/props.ts";

function make(ranks: number, targets = 2, more: Partial<NewPool> = {}): Pool {
  return newPool({
    uuid: "p",
    engines: Array.from({ length: ranks }, (_, rank) => ({ rank, node: rank, targets })),
    scmBytes: 1n << 30n,
    nvmeBytes: 0n,
    properties: [],
    owner: "",
    ownerGroup: "",
    acl: [],
    replicas: 0,
    ...more,
  });
}

function statusOf(work: () => unknown): number {
  try {
    work();
  } catch (error) {
    if (error instanceof DerError) return error.status;
    throw error;
  }
  return 0;
}

const states = (pool: Pool, rank: number) =>
  pool.map.targets.filter((t) => t.rank === rank).map((t) => t.state);

describe("a new pool", () => {
  test("is up, in version 1, with the defaults of 2.6", () => {
    const pool = make(3);
    expect(pool.map.version).toBe(1);
    expect(states(pool, 0)).toEqual(["UPIN", "UPIN"]);
    expect(pool.replicas).toEqual([0, 1, 2]);
    expect(pool.owner).toBe("NOBODY@");
    expect(propertyValue(pool, PoolProp.SELF_HEAL)).toBe(3n);
    expect(propertyValue(pool, PoolProp.SVC_LIST)).toBe("[0,1,2]");
    expect(propertyValue(pool, 99)).toBeUndefined();
  });
  test("has as many service replicas as its redundancy factor wants, and ranks allow", () => {
    expect(make(9).replicas).toHaveLength(5);
    expect(make(9, 1, { replicas: 3 }).replicas).toHaveLength(3);
    expect(make(2, 1, { replicas: 3 }).replicas).toHaveLength(2);
    expect(statusOf(() => make(9, 1, { replicas: 11 }))).toBe(Der.INVAL);
  });
  test("bad properties and ACLs are DER_INVAL", () => {
    const property = (number: number, value: bigint | string) => () =>
      make(1, 1, { properties: [{ number, value }] });
    expect(statusOf(property(PoolProp.SPACE_RB, 101n))).toBe(Der.INVAL);
    expect(statusOf(property(PoolProp.LABEL, "a b"))).toBe(Der.INVAL);
    expect(statusOf(property(PoolProp.LABEL, crypto.randomUUID()))).toBe(Der.INVAL);
    expect(statusOf(property(PoolProp.OWNER, "x@"))).toBe(Der.INVAL);
    expect(statusOf(() => make(1, 1, { acl: ["nonsense"] }))).toBe(Der.INVAL);
  });
});

describe("targets", () => {
  test("excluded: down, rebuilt, out; the version rises with each target", () => {
    const down = changeTargets(make(3), "EXCLUDE", 1, []);
    expect(states(down.pool, 1)).toEqual(["DOWN", "DOWN"]);
    expect(down.pool.map.version).toBe(3);
    expect(down.pool.rebuild.state).toBe("busy");
    expect(down.queued?.targets).toEqual([2, 3]);
    const out = finishRebuild(down.pool);
    expect(states(out.pool, 1)).toEqual(["DOWNOUT", "DOWNOUT"]);
    expect(out.pool.rebuild.state).toBe("done");
    expect(ranksByHealth(out.pool.map, false)).toEqual([1]);
    expect(ranksByHealth(out.pool.map, true)).toEqual([0, 2]);
  });
  test("reintegrated: up, filled, in", () => {
    const out = finishRebuild(changeTargets(make(3), "EXCLUDE", 1, [1]).pool).pool;
    const up = changeTargets(out, "REINTEGRATE", 1, [1]).pool;
    expect(states(up, 1)).toEqual(["UPIN", "UP"]);
    expect(states(finishRebuild(up).pool, 1)).toEqual(["UPIN", "UPIN"]);
  });
  test("drained: in service until the rebuild is done", () => {
    const draining = changeTargets(make(3), "DRAIN", 2, []).pool;
    expect(draining.map.targets.filter(isDisabled)).toHaveLength(0);
    expect(states(finishRebuild(draining).pool, 2)).toEqual(["DOWNOUT", "DOWNOUT"]);
    expect(statusOf(() => changeTargets(draining, "REINTEGRATE", 2, []))).toBe(Der.BUSY);
  });
  test("an unknown rank or target is DER_NONEXIST, and what is done already changes nothing", () => {
    expect(statusOf(() => changeTargets(make(3), "EXCLUDE", 7, []))).toBe(Der.NONEXIST);
    expect(statusOf(() => changeTargets(make(3), "EXCLUDE", 1, [9]))).toBe(Der.NONEXIST);
    const down = changeTargets(make(3), "EXCLUDE", 1, []).pool;
    expect(changeTargets(down, "EXCLUDE", 1, []).pool).toBe(down);
  });
  test("a lost rank is down as an engine, so its service replica moves", () => {
    const pool = make(7, 1, { replicas: 3 });
    const lost = loseRank(pool, 1).pool;
    expect(lost.map.engines.find((e) => e.rank === 1)?.state).toBe("DOWN");
    expect(wishedReplicas(lost, (rank) => rank !== 3)).toEqual([0, 2, 4]);
    expect(loseRank(lost, 1).pool).toBe(lost);
    expect(loseRank(pool, 42).pool).toBe(pool);
  });
  test("excluding targets by hand leaves the service where it is", () => {
    const pool = changeTargets(make(3), "EXCLUDE", 0, []).pool;
    expect(wishedReplicas(pool, () => true)).toBe(pool.replicas);
  });
  test("without self healing nothing is rebuilt", () => {
    const pool = make(3, 2, { properties: [{ number: PoolProp.SELF_HEAL, value: 1n }] });
    const down = changeTargets(pool, "EXCLUDE", 1, []);
    expect(down.queued).toBeUndefined();
    expect(down.pool.rebuild.state).toBe("idle");
  });
  test("without data sync what is lost is out at once", () => {
    const pool = make(3, 2, { properties: [{ number: PoolProp.REINT_MODE, value: 1n }] });
    const out = changeTargets(pool, "EXCLUDE", 1, []).pool;
    expect(states(out, 1)).toEqual(["DOWNOUT", "DOWNOUT"]);
    expect(states(changeTargets(out, "REINTEGRATE", 1, []).pool, 1)).toEqual(["UPIN", "UPIN"]);
  });
  test("new ranks are filled before they are in", () => {
    const grown = extendPool(make(2), [{ rank: 5, node: 5, targets: 2 }]).pool;
    expect(states(grown, 5)).toEqual(["UP", "UP"]);
    const filled = finishRebuild(grown).pool;
    expect(states(filled, 5)).toEqual(["UPIN", "UPIN"]);
    expect(filled.map.engines).toHaveLength(3);
    expect(extendPool(filled, [{ rank: 5, node: 5, targets: 2 }]).pool).toBe(filled);
  });

  const step = fc.oneof(
    fc.record({
      what: fc.constantFrom("EXCLUDE" as const, "DRAIN" as const, "REINTEGRATE" as const),
      rank: fc.nat(4),
      indices: fc.subarray([0, 1]),
    }),
    fc.constant("finish" as const),
    fc.record({ lose: fc.nat(4) }),
    fc.record({ extend: fc.integer({ min: 4, max: 7 }) }),
  );
  test("whatever is done: versions never fall, the queue ends the rebuild, nothing vanishes", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let pool = make(4);
        for (const s of steps) {
          const before = pool;
          try {
            if (s === "finish") pool = finishRebuild(pool).pool;
            else if ("lose" in s) pool = loseRank(pool, s.lose).pool;
            else if ("extend" in s)
              pool = extendPool(pool, [{ rank: s.extend, node: s.extend, targets: 2 }]).pool;
            else pool = changeTargets(pool, s.what, s.rank, s.indices).pool;
          } catch (error) {
            if (!(error instanceof DerError)) throw error;
          }
          expect(pool.map.version).toBeGreaterThanOrEqual(before.map.version);
          if (pool.map !== before.map) expect(pool.map.version).toBeGreaterThan(before.map.version);
          expect(pool.map.targets.length).toBeGreaterThanOrEqual(before.map.targets.length);
          expect(pool.rebuild.state === "busy").toBe(pool.rebuildQueue.length > 0);
          expect(new Set(pool.map.targets.map((t) => t.id)).size).toBe(pool.map.targets.length);
          const { scm } = poolSpace(pool);
          expect(scm.free).toBeLessThanOrEqual(scm.total);
        }
        while (pool.rebuildQueue.length > 0) pool = finishRebuild(pool).pool;
        expect(pool.map.targets.every((t) => ["UPIN", "DOWNOUT"].includes(t.state))).toBe(true);
      }),
    );
  });
});

describe("handles and containers", () => {
  const handle = (uuid: string, machine = "m") => ({
    uuid,
    machine,
    user: "ann@",
    group: "staff@",
    permissions: "rw",
  });
  const container = (uuid: string, usedBytes = 0n) => ({
    uuid,
    label: uuid,
    owner: "ann@",
    ownerGroup: "staff@",
    usedBytes,
  });
  test("a destroy is busy with open handles unless forced; afterwards nobody connects", () => {
    const pool = connect(make(1), handle("h"));
    expect(statusOf(() => evict(pool, { destroy: true }))).toBe(Der.BUSY);
    const forced = evict(pool, { destroy: true, force: true });
    expect(forced.count).toBe(1);
    expect(statusOf(() => connect(forced.pool, handle("i")))).toBe(Der.BUSY);
  });
  test("eviction by machine and by handle", () => {
    let pool = make(1);
    for (const [uuid, machine] of [
      ["a", "x"],
      ["b", "y"],
      ["c", "x"],
    ] as const)
      pool = connect(pool, handle(uuid, machine));
    expect(evict(pool, { machine: "x" }).count).toBe(2);
    expect(evict(pool, { handles: ["b"] }).pool.handles.map((h) => h.uuid)).toEqual(["a", "c"]);
    expect(statusOf(() => evict(pool, { handles: ["z"] }))).toBe(Der.NONEXIST);
    expect(evict(pool, {}).count).toBe(3);
  });
  test("a container takes space, and too much of it is DER_NOSPACE", () => {
    const pool = make(1, 2);
    const free = poolSpace(pool).scm.free;
    const used = addContainer(pool, container("c", 1n << 20n));
    expect(poolSpace(used).scm.free).toBe(free - (1n << 20n));
    expect(statusOf(() => addContainer(used, container("d", free)))).toBe(Der.NOSPACE);
    expect(statusOf(() => addContainer(used, container("c")))).toBe(Der.EXIST);
  });
  test("an owner is changed, the other one stays", () => {
    const pool = setContainerOwner(addContainer(make(1), container("c")), "c", "bob@", "");
    expect(pool.containers[0]).toMatchObject({ owner: "bob@", ownerGroup: "staff@" });
    expect(statusOf(() => setContainerOwner(pool, "x", "a@", ""))).toBe(Der.NONEXIST);
  });
});

describe("fault domains", () => {
  test("the recorded tree of one rank", () => {
    expect([...parseFaultDomains([2, 1, 1, 1, 2, 1, 0])]).toEqual([[0, 2]]);
  });
  test("two racks of two nodes with two ranks each", () => {
    const tree = [3, 1, 2, 2, 2, 2, 2, 3, 2, 1, 4, 2, 1, 5, 2, 1, 6, 2, 1, 7, 2, 0, 1, 2, 3, 4, 5, 6, 7];
    expect([...parseFaultDomains(tree).values()]).toEqual([4, 4, 5, 5, 6, 6, 7, 7]);
  });
  test("trees that do not add up are DER_INVAL, and none at all is empty", () => {
    expect(parseFaultDomains([]).size).toBe(0);
    for (const bad of [[1], [2, 1, 1], [2, 1, 1, 1, 2, 2, 0], [2, 1, 1, 1, 2, 1, 0, 1]]) {
      expect(statusOf(() => parseFaultDomains(bad))).toBe(Der.INVAL);
    }
  });
  test("replicas are spread over nodes first", () => {
    const engines = [0, 1, 2, 3, 4, 5].map((rank) => ({
      rank,
      node: Math.floor(rank / 2),
      state: "UPIN" as const,
    }));
    expect(planReplicas(1, engines, []).add).toEqual([0, 2, 4]);
    expect(planReplicas(1, engines, [0, 1, 2, 3, 4]).remove).toEqual([3, 4]);
    expect([1, 2, 3, 4, 5, 9, 20].map(redundancyOfReplicas)).toEqual([0, 0, 1, 1, 2, 4, 4]);
  });
});
