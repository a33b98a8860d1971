import { describe, expect, test } from "bun:test";
import { createMembership, type MemberEvent, type Membership } from "../../src/lab/engine/membership.ts";
import { silentLogger } from "../../src/log/logger.ts";

/** A group of ranks in one process, without sockets or clock. */
function group(size: number) {
  let nowMs = 0;
  const down = new Set<number>();
  const unreachableFrom = new Map<number, Set<number>>();
  const incarnations = Array.from({ length: size }, () => 1n);
  const events: MemberEvent[][] = Array.from({ length: size }, () => []);
  const nodes: Membership[] = [];
  const ping = (from: number, to: number) => {
    if (down.has(to) || unreachableFrom.get(from)?.has(to)) throw new Error("silence");
    nodes[to]?.heardFrom(from, incarnations[from] as bigint);
    return { rank: to, incarnation: incarnations[to] as bigint };
  };
  for (let rank = 0; rank < size; rank++) {
    nodes.push(
      createMembership({
        log: silentLogger,
        pingPeriodMs: 100,
        suspectTimeoutMs: 500,
        now: () => nowMs,
        ping: async (member) => ping(rank, member.rank),
        async pingThrough(via, about) {
          ping(rank, via.rank);
          return ping(via.rank, about.rank).incarnation === about.incarnation;
        },
        tellDead: (to, dead) => nodes[to.rank]?.heardDead(dead.rank, dead.incarnation),
        onEvent: (event) => void events[rank]?.push(event),
      }),
    );
  }
  const map = (version: number, ranks = nodes.map((_, i) => i)) => ({
    version,
    engines: ranks.map((rank) => ({
      rank,
      uri: `ofi+tcp://h:${rank + 1}`,
      incarnation: incarnations[rank] as bigint,
    })),
  });
  for (const [rank, node] of nodes.entries()) node.setSelf(rank, 1n, 1);
  const tick = async (rounds: number) => {
    for (let i = 0; i < rounds; i++) {
      nowMs += 100;
      for (const [rank, node] of nodes.entries()) if (!down.has(rank)) await node.tick();
    }
  };
  const dead = (rank: number) => events[rank]?.filter((e) => e.kind === "dead") ?? [];
  return { nodes, down, unreachableFrom, incarnations, events, map, tick, dead };
}

describe("membership", () => {
  test("a silent rank is found dead by somebody, and everybody hears of it once", async () => {
    const g = group(8);
    for (const node of g.nodes) node.update(g.map(2));
    await g.tick(8);
    g.down.add(5);
    await g.tick(12);
    const finders = g.nodes.flatMap((_, rank) => g.dead(rank).filter((e) => e.kind === "dead" && !e.heard));
    expect(finders.length).toBeGreaterThan(0);
    for (const rank of [0, 1, 2, 3, 4, 6, 7]) {
      expect(g.dead(rank)).toHaveLength(1);
      expect(g.nodes[rank]?.isUsable(5)).toBe(false);
    }
  });
  test("several at once are found, also when all watchers of one are among them", async () => {
    const g = group(10);
    for (const node of g.nodes) node.update(g.map(2));
    await g.tick(10);
    for (const rank of [3, 4, 5, 6]) g.down.add(rank);
    await g.tick(40);
    for (const rank of [0, 1, 2, 7, 8, 9]) expect(g.dead(rank)).toHaveLength(4);
  });
  test("a rank that never spoke is not declared dead", async () => {
    const g = group(3);
    g.down.add(2);
    for (const node of g.nodes) node.update(g.map(2));
    await g.tick(20);
    expect(g.dead(0)).toEqual([]);
    expect(g.nodes[0]?.member(2)?.status).toBe("inactive");
  });
  test("a link that is down between two ranks kills nobody", async () => {
    const g = group(4);
    for (const node of g.nodes) node.update(g.map(2));
    await g.tick(4);
    g.unreachableFrom.set(0, new Set([1]));
    await g.tick(20);
    expect(g.dead(0)).toEqual([]);
  });
  test("a rank that comes back as another process is alive again", async () => {
    const g = group(3);
    for (const node of g.nodes) node.update(g.map(2));
    await g.tick(4);
    g.down.add(1);
    await g.tick(10);
    expect(g.nodes[0]?.isUsable(1)).toBe(false);
    g.down.delete(1);
    g.incarnations[1] = 2n;
    for (const node of g.nodes) node.update(g.map(3));
    await g.tick(4);
    expect(g.nodes[0]?.member(1)).toMatchObject({ status: "alive", incarnation: 2n });
    // News of the old process's death come too late.
    g.nodes[0]?.heardDead(1, 1n);
    expect(g.nodes[0]?.isUsable(1)).toBe(true);
  });
  test("one that leaves in order is gone without being dead", async () => {
    const g = group(3);
    for (const node of g.nodes) node.update(g.map(2));
    await g.tick(4);
    g.nodes[0]?.heardLeft(2, 1n);
    g.down.add(2);
    expect(g.nodes[0]?.isUsable(2)).toBe(false);
    await g.tick(3);
    expect(g.events[0]?.filter((e) => e.kind === "left" || e.kind === "gone")).toHaveLength(1);
    await g.tick(20);
    expect(g.events[0]?.filter((e) => e.kind === "gone")).toHaveLength(1);
    expect(g.dead(0)).toEqual([]);
  });
  test("maps: only newer ones count, removed ranks are told, one's own removal too", () => {
    const g = group(3);
    const [node] = g.nodes;
    expect(node?.update(g.map(5))).toBe(true);
    expect(node?.update(g.map(5))).toBe(false);
    expect(node?.update(g.map(4))).toBe(false);
    expect(node?.update(g.map(6, [0, 1]))).toBe(true);
    expect(g.events[0]).toEqual([{ kind: "removed", rank: 2, incarnation: 1n }]);
    node?.update(g.map(7, [1]));
    expect(g.events[0]?.at(-1)).toEqual({ kind: "self-removed" });
  });
  test("a map from before this rank joined is not for it", () => {
    const g = group(2);
    g.nodes[0]?.setSelf(0, 1n, 8);
    expect(g.nodes[0]?.update(g.map(8, [1]))).toBe(false);
    expect(g.events[0]).toEqual([]);
  });
});
