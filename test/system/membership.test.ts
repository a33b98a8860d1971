import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { applyChanges } from "../../src/system/draft.ts";
import { groupMap } from "../../src/system/group-map.ts";
import { decideJoin, type JoinRequest } from "../../src/system/join.ts";
import {
  decideAdminExclude,
  decideEngineDied,
  decideRankDead,
  decideReports,
  ranksByAddr,
  ranksInStates,
  splitRanks,
} from "../../src/system/membership.ts";
import { nilRank } from "../../src/system/ranks.ts";
import { emptyState } from "../../src/system/state.ts";
import { type Decision, MemberState, type SystemState } from "../../src/system/types.ts";
import { member, stateNames, stateWith, uuidOf } from "./samples.ts";

const now = "2026-11-25T11:00:00.000Z";

function joinOf(n: number, parts: Partial<JoinRequest> = {}): JoinRequest {
  return {
    rank: nilRank,
    uuid: uuidOf(n),
    addr: `10.0.0.${n}:10001`,
    fabricUri: `ofi+tcp://10.0.0.${n}:31416`,
    secondaryFabricUris: [],
    fabricContexts: 1,
    secondaryFabricContexts: [],
    faultDomain: `/host${n}`,
    incarnation: 1n,
    checkMode: false,
    bootstrap: n === 0,
    ...parts,
  };
}

type Step = (state: SystemState) => Decision<unknown>;

const someRank = fc.integer({ min: 0, max: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(someRank, fc.bigInt({ min: 1n, max: 5n }), fc.boolean()).map(
    ([n, incarnation, checkMode]): Step =>
      (state) =>
        decideJoin(state, joinOf(n, { incarnation, checkMode }), now),
  ),
  fc.tuple(someRank, fc.bigInt({ min: 1n, max: 5n })).map(
    ([rank, incarnation]): Step =>
      (state) =>
        decideRankDead(state, rank, incarnation, now),
  ),
  someRank.map(
    (rank): Step =>
      (state) =>
        decideEngineDied(state, rank, "died", now),
  ),
  fc.tuple(someRank, fc.constantFrom(...stateNames), fc.boolean(), fc.boolean()).map(
    ([rank, to, errored, evenIfErrored]): Step =>
      (state) =>
        decideReports(state, [{ rank, state: to, errored, message: "m" }], evenIfErrored, now),
  ),
  fc.tuple(someRank, fc.boolean()).map(
    ([rank, clear]): Step =>
      (state) =>
        decideAdminExclude(state, [rank], clear, now),
  ),
);

/** The state after a step; as before when the step is refused. */
function after(state: SystemState, each: Step): SystemState {
  try {
    return applyChanges(state, each(state).changes);
  } catch {
    return state;
  }
}

const mapOf = (state: SystemState) =>
  JSON.stringify(
    groupMap(state, () => false).members.map((m) => [m.rank, m.fabricUri, m.incarnation.toString()]),
  );

describe("the membership, whatever happens to it", () => {
  const histories = fc.array(step, { maxLength: 40 });

  test("never has another group map under the same version", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        let state = emptyState();
        for (const each of steps) {
          const next = after(state, each);
          expect(next.mapVersion).toBeGreaterThanOrEqual(state.mapVersion);
          if (mapOf(next) !== mapOf(state)) expect(next.mapVersion).toBeGreaterThan(state.mapVersion);
          state = next;
        }
      }),
    );
  });

  test("never gives a rank to two engines, or two ranks to one", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const owners = new Map<number, string>();
        let state = emptyState();
        for (const each of steps) {
          state = after(state, each);
          for (const { rank, uuid } of state.members.values()) {
            expect(owners.get(rank) ?? uuid).toBe(uuid);
            owners.set(rank, uuid);
          }
          expect(new Set(owners.values()).size).toBe(owners.size);
        }
      }),
    );
  });

  test("lets nobody but an administrator bring back whom an administrator has excluded", () => {
    fc.assert(
      fc.property(histories, someRank, (steps, excluded) => {
        let state = applyChanges(emptyState(), decideJoin(emptyState(), joinOf(0), now).changes);
        for (const each of steps) state = after(state, each);
        if (!state.members.has(excluded)) return;
        state = after(state, (s) => decideAdminExclude(s, [excluded], false, now));
        for (const each of steps) {
          const next = after(state, each);
          const cleared = next.members.get(excluded)?.state === "Excluded";
          if (cleared) return;
          expect(next.members.get(excluded)?.state).toBe("AdminExcluded");
          state = next;
        }
      }),
    );
  });

  test("has a number for every fault domain of a member, and no number twice", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const state = steps.reduce(after, emptyState());
        for (const { faultDomain } of state.members.values())
          expect(state.domainIds.has(faultDomain)).toBe(true);
        expect(new Set(state.domainIds.values()).size).toBe(state.domainIds.size);
      }),
    );
  });
});

describe("joins", () => {
  test("raise the next rank above any rank an engine brings with it", () => {
    const state = applyChanges(emptyState(), decideJoin(emptyState(), joinOf(1, { rank: 7 }), now).changes);
    expect(state.nextRank).toBe(8);
    expect(decideJoin(state, joinOf(2), now).answer.member.rank).toBe(8);
  });

  test("let a lone member change the depth of its fault domain, and nobody else", () => {
    const alone = stateWith([member(1)]);
    const moved = decideJoin(alone, joinOf(1, { faultDomain: "/rack/host" }), now);
    expect(moved.answer.member.faultDomain).toBe("/rack/host");
    const two = stateWith([member(1), member(2)]);
    expect(() => decideJoin(two, joinOf(1, { faultDomain: "/rack/host" }), now)).toThrow("need layers = 1");
  });

  test("keep the state of a new member Joined also in check mode, as 2.6 does", () => {
    expect(decideJoin(emptyState(), joinOf(1, { checkMode: true }), now).answer.member.state).toBe("Joined");
    const known = stateWith([member(1)]);
    expect(decideJoin(known, joinOf(1, { checkMode: true }), now).answer.member.state).toBe("CheckerStarted");
  });

  test("need a fabric address", () => {
    expect(() => decideJoin(emptyState(), joinOf(1, { fabricUri: "" }), now)).toThrow(
      "no primary fabric URI",
    );
  });
});

describe("ranks", () => {
  const state = stateWith([
    member(3, { addr: "b:1" }),
    member(1, { addr: "b:1", state: "Excluded" }),
    member(2, { addr: "a:1", state: "Ready" }),
  ]);

  test("are found by state, in order", () => {
    expect(ranksInStates(state, MemberState.Joined | MemberState.Excluded)).toEqual([1, 3]);
  });

  test("are told from those that are not there", () => {
    expect(splitRanks(state, [9, 3, 2])).toEqual({ known: [3, 2], absent: [9] });
  });

  test("are grouped by the address of their server", () => {
    expect([...ranksByAddr(state)]).toEqual([
      ["a:1", [2]],
      ["b:1", [1, 3]],
    ]);
    expect([...ranksByAddr(state, [3])]).toEqual([["b:1", [3]]]);
  });

  test("of the service are those on replicas; the excluded are left out of the map", () => {
    const map = groupMap(state, (addr) => addr === "b:1");
    expect(map.members.map(({ rank }) => rank)).toEqual([2, 3]);
    expect(map.msRanks).toEqual([3]);
  });
});
