import fc from "fast-check";
import { createDraft } from "../../src/system/draft.ts";
import { emptyState } from "../../src/system/state.ts";
import {
  type Change,
  type Member,
  MemberState,
  type MemberStateName,
  type PoolService,
  type SystemState,
} from "../../src/system/types.ts";

export const stateNames = Object.keys(MemberState) as MemberStateName[];

export function uuidOf(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
}

export function member(rank: number, parts: Partial<Member> = {}): Member {
  return {
    rank,
    uuid: uuidOf(rank),
    addr: `10.0.0.${rank}:10001`,
    state: "Joined",
    info: "",
    fabricUri: `ofi+tcp://10.0.0.${rank}:31416`,
    secondaryFabricUris: [],
    fabricContexts: 3,
    secondaryFabricContexts: [],
    incarnation: 1n,
    faultDomain: `/host${rank}`,
    lastUpdate: "2026-11-25T10:00:00.000Z",
    ...parts,
  };
}

export function pool(n: number, parts: Partial<PoolService> = {}): PoolService {
  return {
    uuid: uuidOf(1000 + n),
    label: `pool${n}`,
    state: "Ready",
    replicas: [0],
    creationRanks: [0],
    currentRanks: [0],
    perRankTierBytes: [1n << 30n, 0n],
    lastUpdate: "2026-11-25T10:00:00.000Z",
    ...parts,
  };
}

/** A state with these members and pools, and a number for each of their fault domains. */
export function stateWith(members: readonly Member[], pools: readonly PoolService[] = []): SystemState {
  const draft = createDraft(emptyState());
  const changes: Change[] = members.map((each) => ({ kind: "putMember", member: each }));
  for (const each of pools) changes.push({ kind: "putPool", pool: each });
  let id = 1;
  for (const path of new Set(members.map(({ faultDomain }) => faultDomain))) {
    path.split("/").forEach((_, index, levels) => {
      if (index === 0) return;
      changes.push({ kind: "putDomain", path: levels.slice(0, index + 1).join("/"), id: ++id });
    });
  }
  draft.apply(changes);
  return draft.state;
}

const text = fc.string({ maxLength: 20 });
const rank = fc.integer({ min: 0, max: 20 });

export const anyMember: fc.Arbitrary<Member> = fc
  .record({
    rank,
    state: fc.constantFrom(...stateNames),
    info: text,
    fabricUri: text,
    secondaryFabricUris: fc.array(text, { maxLength: 2 }),
    incarnation: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fabricContexts: fc.nat(),
  })
  .map((parts) => member(parts.rank, parts));

export const anyPool: fc.Arbitrary<PoolService> = fc
  .record({
    n: fc.integer({ min: 0, max: 10 }),
    state: fc.constantFrom("Creating" as const, "Ready" as const, "Destroying" as const),
    replicas: fc.array(rank, { maxLength: 5 }),
    bytes: fc.array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), { maxLength: 2 }),
  })
  .map(({ n, bytes, ...parts }) => pool(n, { ...parts, perRankTierBytes: bytes }));

const key = fc.constantFrom("a", "b/c", "", "ключ", "with space");

export const anyChange: fc.Arbitrary<Change> = fc.oneof(
  anyMember.map((each): Change => ({ kind: "putMember", member: each })),
  rank.map((each): Change => ({ kind: "removeMember", rank: each })),
  anyPool.map((each): Change => ({ kind: "putPool", pool: each })),
  anyPool.map(({ uuid }): Change => ({ kind: "removePool", uuid })),
  fc.tuple(key, text).map(([name, value]): Change => ({ kind: "setAttribute", key: name, value })),
  key.map((name): Change => ({ kind: "removeAttribute", key: name })),
  fc.nat(1000).map((nextRank): Change => ({ kind: "setNextRank", nextRank })),
  fc.tuple(key, fc.nat()).map(([path, id]): Change => ({ kind: "putDomain", path: `/${path}`, id })),
  fc
    .tuple(fc.nat(5), fc.json())
    .map(([seq, report]): Change => ({ kind: "putFinding", seq: `${seq}`, report })),
  fc.nat(5).map((seq): Change => ({ kind: "removeFinding", seq: `${seq}` })),
  fc.constant<Change>({ kind: "bumpMapVersion" }),
);
