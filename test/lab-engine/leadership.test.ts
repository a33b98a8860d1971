import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Der, DerError } from "../../src/lab/engine/der.ts";
import { type Lead, type ReplicaPeers, takeLead, writeDocument } from "../../src/lab/engine/leadership.ts";
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

/** A pool of `size` replicas, whose messages are lost where `lost` says so. */
async function cluster(size: number) {
  const nodes: Replicas[] = await Promise.all(Array.from({ length: size }, () => openReplicas(memory())));
  const pool = start(size);
  for (const node of nodes) await node.write({ uuid: "p", term: 0, index: 1, pool });
  const down = new Set<number>();
  const peersOf = (self: number): ReplicaPeers => {
    const reach = (rank: number): Replicas => {
      if (down.has(rank) || down.has(self)) throw new DerError(Der.UNREACH, `rank ${rank}`);
      return nodes[rank] as Replicas;
    };
    return {
      self: () => self,
      prepare: async (rank, uuid, term) => reach(rank).prepare(uuid, term, self),
      write: async (rank, write) => reach(rank).write(write),
    };
  };
  return {
    nodes,
    down,
    lead: (rank: number) => takeLead("p", nodes[rank] as Replicas, peersOf(rank), log),
    write: (lead: Lead, rank: number, pool: Pool) =>
      writeDocument(lead, pool, nodes[rank] as Replicas, peersOf(rank)),
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

  const event = fc.oneof(
    fc.record({ take: fc.nat(2) }),
    fc.record({ write: fc.nat(2) }),
    fc.record({ toggle: fc.nat(2) }),
  );
  test("whatever fails, an acknowledged write is never lost and never undone", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
        const c = await cluster(3);
        const leads = new Map<number, Lead>();
        let acknowledged = 0;
        let next = 1;
        for (const e of events) {
          if ("toggle" in e) {
            if (!c.down.delete(e.toggle)) c.down.add(e.toggle);
          } else if ("take" in e) {
            const lead = await c.lead(e.take).catch(() => undefined);
            if (lead === undefined) continue;
            expect(Number(lead.pool.owner)).toBeGreaterThanOrEqual(acknowledged);
            leads.set(e.take, lead);
          } else {
            const lead = leads.get(e.write);
            if (lead === undefined) continue;
            const value = next++;
            if ((await status(c.write(lead, e.write, { ...lead.pool, owner: String(value) }))) === 0)
              acknowledged = value;
            else leads.delete(e.write);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
