import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Der, DerError } from "../../src/lab/engine/der.ts";
import {
  introduce,
  type Lead,
  type ReplicaPeers,
  takeLead,
  writeDocument,
} from "../../src/lab/engine/leadership.ts";
import { openEngineLog } from "../../src/lab/engine/log.ts";
import { newPool, type Pool } from "../../src/lab/engine/pool.ts";
import { openReplicas, type Replicas } from "../../src/lab/engine/replicas.ts";
import type { Documents } from "../../src/lab/engine/storage.ts";

const log = openEngineLog(undefined, "DISABLED", 0);

function memory(): Documents {
  const kept = new Map<string, unknown>();
  return {
    get: async (name) => structuredClone(kept.get(name)),
    put: async (name, value) => void kept.set(name, structuredClone(value)),
    remove: async (name) => void kept.delete(name),
    names: async () => [...kept.keys()],
  };
}

function start(replicas: number): Pool {
  return newPool({
    uuid: "p",
    engines: Array.from({ length: replicas }, (_, rank) => ({ rank, node: rank, targets: 1 })),
    scmBytes: 1n << 30n,
    nvmeBytes: 0n,
    properties: [],
    owner: "0",
    ownerGroup: "",
    acl: [],
    replicas,
  });
}

/** A pool of `size` replicas on the first of `ranks` ranks; those that are down hear and say nothing. */
async function cluster(size: number, ranks = size) {
  const nodes: Replicas[] = await Promise.all(Array.from({ length: ranks }, () => openReplicas(memory())));
  const pool = start(size);
  for (const node of nodes.slice(0, size))
    await node.write({ uuid: "p", term: 0, index: 1, pool, before: pool.replicas });
  const down = new Set<number>();
  const peersOf = (self: number): ReplicaPeers => {
    const reach = (rank: number): Replicas => {
      if (down.has(rank) || down.has(self)) throw new DerError(Der.UNREACH, `rank ${rank}`);
      return nodes[rank] as Replicas;
    };
    return {
      self: () => self,
      prepare: async (rank, uuid, term, candidate) => reach(rank).prepare(uuid, term, candidate),
      write: async (rank, write) => reach(rank).write(write),
      retire: async (rank, uuid, leader) => reach(rank).retire(uuid, leader),
    };
  };
  return {
    nodes,
    down,
    lead: (rank: number) => takeLead("p", nodes[rank] as Replicas, peersOf(rank), log),
    async write(lead: Lead, rank: number, pool: Pool): Promise<void> {
      const added = pool.replicas.filter((r) => !lead.pool.replicas.includes(r));
      const taken = await introduce(lead, added, peersOf(rank));
      const replicas = pool.replicas.filter((r) => !added.includes(r) || taken.includes(r));
      await writeDocument(lead, { ...pool, replicas }, nodes[rank] as Replicas, peersOf(rank));
    },
  };
}

const status = (promise: Promise<unknown>) =>
  promise.then(
    () => 0,
    (error: unknown) => (error instanceof DerError ? error.status : Promise.reject(error)),
  );

describe("leadership of a pool", () => {
  test("a new leader has what the old one acknowledged, and the old one can write no more", async () => {
    const c = await cluster(3);
    const first = await c.lead(0);
    c.down.add(2);
    await c.write(first, 0, { ...first.pool, owner: "one" });
    c.down.delete(2);
    const second = await c.lead(2);
    expect(second.pool.owner).toBe("one");
    expect(second.term).toBeGreaterThan(first.term);
    expect(await status(c.write(first, 0, { ...first.pool, owner: "two" }))).toBe(Der.NOTLEADER);
  });
  test("no majority, no leader and no write", async () => {
    const c = await cluster(3);
    const lead = await c.lead(0);
    c.down.add(1).add(2);
    expect(await status(c.write(lead, 0, { ...lead.pool, owner: "x" }))).toBe(Der.TIMEDOUT);
    expect(await status(c.lead(0))).toBe(Der.UNREACH);
  });
  test("a replica that was moved away meanwhile drops its copy", async () => {
    const c = await cluster(3);
    c.down.add(2);
    const lead = await c.lead(0);
    await c.write(lead, 0, { ...lead.pool, replicas: [0, 1] });
    c.down.delete(2);
    expect(await status(c.lead(2))).toBe(Der.NOTREPLICA);
    expect(c.nodes[2]?.get("p")).toBeUndefined();
  });

  test("a rank that was just taken in can lead", async () => {
    const c = await cluster(3, 4);
    const lead = await c.lead(0);
    await c.write(lead, 0, { ...lead.pool, replicas: [0, 1, 3], owner: "x" });
    c.down.add(0);
    expect((await c.lead(3)).pool).toMatchObject({ owner: "x", replicas: [0, 1, 3] });
  });
  test("a move that fails halfway leaves a pool that goes on", async () => {
    const c = await cluster(3, 4);
    const lead = await c.lead(0);
    c.down.add(1).add(2);
    expect(await status(c.write(lead, 0, { ...lead.pool, replicas: [0, 3] }))).toBe(Der.TIMEDOUT);
    expect(await status(c.lead(3))).toBe(Der.UNREACH);
    c.down.clear();
    c.down.add(3);
    // Rank 0 alone has the new document; with the old majority it may not yet forget rank 3.
    expect(await status(c.lead(0))).toBe(Der.UNREACH);
    const other = await c.lead(1);
    await c.write(other, 1, { ...other.pool, owner: "y" });
    c.down.clear();
    expect((await c.lead(0)).pool.owner).toBe("y");
  });

  const size = 5;
  const rank = fc.nat(size - 1);
  const event = fc.oneof(
    { weight: 2, arbitrary: fc.record({ take: rank }) },
    { weight: 3, arbitrary: fc.record({ write: rank }) },
    fc.record({ move: rank, to: fc.uniqueArray(rank, { minLength: 1, maxLength: 3 }) }),
    { weight: 2, arbitrary: fc.record({ toggle: rank }) },
  );
  test("whatever fails and moves: an acknowledged write is never lost, and at last somebody can lead", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60 }), async (events) => {
        const c = await cluster(3, size);
        const leads = new Map<number, Lead>();
        let acknowledged = 0;
        let next = 1;
        const write = async (self: number, change: Partial<Pool>) => {
          const lead = leads.get(self);
          if (lead === undefined) return;
          const value = next++;
          const pool = { ...lead.pool, ...change, owner: String(value) };
          if ((await status(c.write(lead, self, pool))) === 0) acknowledged = value;
          else leads.delete(self);
        };
        const take = async (self: number) => {
          const lead = await c.lead(self).catch(() => undefined);
          if (lead === undefined) return false;
          expect(Number(lead.pool.owner)).toBeGreaterThanOrEqual(acknowledged);
          leads.set(self, lead);
          return true;
        };
        for (const e of events) {
          if ("toggle" in e) {
            if (!c.down.delete(e.toggle)) c.down.add(e.toggle);
          } else if ("take" in e) await take(e.take);
          else if ("move" in e) await write(e.move, { replicas: [...new Set([e.move, ...e.to])] });
          else await write(e.write, {});
        }
        c.down.clear();
        let led = false;
        // As engines do: the lowest replica that has a copy tries, by everybody's own idea of the replicas.
        const has = (r: number) => c.nodes[r]?.get("p") !== undefined;
        for (let round = 0; round < size && !led; round++) {
          for (const [self, node] of c.nodes.entries()) {
            const copy = node.get("p");
            if (copy === undefined) continue;
            if (Math.min(...[...copy.before, ...copy.pool.replicas].filter(has)) !== self) continue;
            led = (await take(self)) || led;
          }
        }
        expect(led).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
