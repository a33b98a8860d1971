import { describe, expect, test } from "bun:test";
import { createReplay, type Replay } from "../../src/system/replay-2.6.ts";
import { parseSnapshot, writeSnapshot } from "../../src/system/snapshot-2.6.ts";
import { member, pool, stateWith, uuidOf } from "./samples.ts";

function command(op: number, data: unknown): string {
  return JSON.stringify({ Time: "2026-11-25T10:00:00Z", Op: op, Data: data });
}

function memberData(rank: number, parts: Record<string, unknown> = {}) {
  return {
    rank,
    uuid: uuidOf(rank),
    addr: `10.0.0.${rank}:10001`,
    state: "joined",
    info: "",
    fabric_uri: "ofi+tcp://x:1",
    secondary_fabric_uris: null,
    fabric_contexts: 3,
    secondary_fabric_contexts: null,
    incarnation: 1,
    fault_domain: `/host${rank}`,
    last_update: "2026-11-25T10:00:00Z",
    ...parts,
  };
}

function poolData(n: number, parts: Record<string, unknown> = {}) {
  return {
    PoolUUID: uuidOf(1000 + n),
    PoolLabel: `pool${n}`,
    State: 0,
    Replicas: null,
    Storage: { CreationRankStr: "[0-1]", CurrentRankStr: "[0-1]", PerRankTierStorage: [5, 0] },
    LastUpdate: "2026-11-25T10:00:00Z",
    ...parts,
  };
}

function replayed(...commands: readonly [number, unknown][]): Replay {
  const replay = createReplay(undefined);
  for (const [op, data] of commands) replay.apply(command(op, data));
  return replay;
}

describe("changes of members", () => {
  test("add them; a rank that was given away raises the next", () => {
    const state = replayed(
      [1, { Member: memberData(0), NextRank: false }],
      [1, { Member: memberData(1), NextRank: true }],
    ).state();
    expect(state).toMatchObject({ version: 2n, nextRank: 2, mapVersion: 2 });
    expect([...state.members.keys()]).toEqual([0, 1]);
  });

  test("update what 2.6 updates: not the address, not the contexts", () => {
    const now = {
      addr: "other:1",
      fabric_contexts: 9,
      state: "excluded",
      info: "dead",
      incarnation: 7,
      fabric_uri: "new",
      last_update: "later",
    };
    const state = replayed(
      [1, { Member: memberData(0), NextRank: false }],
      [2, { Member: memberData(0, now), NextRank: false }],
    ).state();
    expect(state.members.get(0)).toMatchObject({
      addr: "10.0.0.0:10001",
      fabricContexts: 3,
      state: "Excluded",
      info: "dead",
      incarnation: 7n,
      fabricUri: "new",
      lastUpdate: "later",
    });
    expect(state.mapVersion).toBe(2);
  });

  test("remove them; their domains keep their numbers", () => {
    const state = replayed(
      [1, { Member: memberData(0), NextRank: false }],
      [3, { Member: memberData(0), NextRank: false }],
    ).state();
    expect(state.members.size).toBe(0);
    expect(state.domainIds).toEqual(new Map([["/host0", 2]]));
  });

  test("of unknown members are refused", () => {
    expect(() => replayed([2, { Member: memberData(0), NextRank: false }])).toThrow("does not exist");
  });
});

test("a domain's number goes on from those of ranks, as 2.6 counts", () => {
  const add = (rank: number, domain: string): [number, unknown] => [
    1,
    { Member: memberData(rank, { fault_domain: domain }), NextRank: true },
  ];
  const replay = replayed(add(0, "/a"), add(1, "/b"), [
    2,
    { Member: memberData(1, { fault_domain: "/b" }), NextRank: false },
  ]);
  // /a 2, rank0 3, /b 4, rank1 5; an update takes rank1's leaf away and makes it anew, as 5 again.
  replay.apply(command(...add(2, "/c")));
  expect(replay.state().domainIds).toEqual(
    new Map([
      ["/a", 2],
      ["/b", 4],
      ["/c", 6],
    ]),
  );
  // Of rank0, it becomes the last.
  replay.apply(command(2, { Member: memberData(0, { fault_domain: "/a" }), NextRank: false }));
  replay.apply(command(...add(3, "/d")));
  expect(replay.state().domainIds.get("/d")).toBe(9);
});

describe("changes of pools", () => {
  test("add, update and remove them; what they were given of the storage stays", () => {
    const replay = replayed(
      [4, poolData(1)],
      [5, poolData(1, { State: 1, Replicas: [0, 1], PoolLabel: "new", Storage: null, LastUpdate: "later" })],
      [4, poolData(2)],
      [6, poolData(2)],
    );
    const state = replay.state();
    expect([...state.pools.values()]).toEqual([
      {
        uuid: uuidOf(1001),
        label: "new",
        state: "Ready",
        replicas: [0, 1],
        creationRanks: [0, 1],
        currentRanks: [0, 1],
        perRankTierBytes: [5n, 0n],
        lastUpdate: "later",
      },
    ]);
    expect([...state.poolsByLabel.keys()]).toEqual(["new"]);
    expect(state).toMatchObject({ version: 4n, mapVersion: 0 });
  });

  test("of unknown pools are refused", () => {
    expect(() => replayed([5, poolData(1)])).toThrow("does not exist");
  });
});

test("attributes are set, and removed by an empty value", () => {
  const state = replayed([8, { a: "1", b: "2", ["__proto__x"]: "3" }], [8, { b: "", c: "4" }]).state();
  expect(state.attributes).toEqual(
    new Map([
      ["a", "1"],
      ["__proto__x", "3"],
      ["c", "4"],
    ]),
  );
});

test("the map version rises alone; findings of the checker only count as changes", () => {
  const state = replayed([7, null], [9, { seq: 1 }], [10, { seq: 1 }], [11, { seq: 1 }], [12, null]).state();
  expect(state).toMatchObject({ version: 5n, mapVersion: 1, findings: new Map() });
});

test("a log goes on from a snapshot", () => {
  const before = stateWith([member(0), member(1)], [pool(1)]);
  const replay = createReplay(parseSnapshot(writeSnapshot(before)));
  expect(replay.state()).toEqual(before);
  replay.apply(command(6, { PoolUUID: uuidOf(1001), PoolLabel: "pool1" }));
  replay.apply(command(8, { a: "b" }));
  const after = replay.state();
  expect(after.pools.size).toBe(0);
  expect(after.attributes.get("a")).toBe("b");
  expect(after.version).toBe(before.version + 2n);
});

test.each<[string, string]>([
  ["nonsense", "JSON"],
  ["7", "it is not an object"],
  ["{}", "does not say what it changes"],
  [command(0, null), "its kind 0 is not known"],
  [command(13, null), "its kind 13 is not known"],
  [command(1, null), "its content is not an object"],
  [command(1, {}), "its member is not an object"],
  [command(1, { Member: {} }), "has no UUID"],
  [command(4, {}), "its pool has no UUID"],
  [command(8, { a: 1 }), "is no text"],
])("an entry that cannot be understood is refused: %s", (json, why) => {
  expect(() => createReplay(undefined).apply(json)).toThrow(why);
});
