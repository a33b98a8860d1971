import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { applyChanges, applyRecords, createDraft } from "../../src/system/draft.ts";
import { stateFromRecords, stateToRecords } from "../../src/system/records.ts";
import { emptyState } from "../../src/system/state.ts";
import type { SystemState } from "../../src/system/types.ts";
import { anyChange, member, pool, stateWith, uuidOf } from "./samples.ts";

/** The state with its members in the order they are loaded in. */
function inOrder(state: SystemState): SystemState {
  return { ...state, members: new Map([...state.members].sort(([a], [b]) => a - b)) };
}

describe("the system's records", () => {
  test("an empty store is a system nobody has joined", () => {
    expect(stateFromRecords(new Map(), emptyState())).toEqual(emptyState());
  });

  test("any state is read back as it was written", () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 30 }), (changes) => {
        const state = applyChanges(emptyState(), changes);
        expect(stateFromRecords(stateToRecords(state), emptyState())).toEqual(inOrder(state));
      }),
    );
  });

  test("what is committed for a batch of changes makes the same state as the changes", () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyChange, { maxLength: 8 }), { maxLength: 6 }), (batches) => {
        const records = new Map<string, string>();
        let state = emptyState();
        for (const changes of batches) {
          const draft = createDraft(state);
          draft.apply(changes);
          for (const { key, value } of draft.ops()) {
            if (value === undefined) records.delete(key);
            else records.set(key, value);
          }
          state = draft.state;
        }
        expect(stateFromRecords(records, emptyState())).toEqual(inOrder(state));
      }),
    );
  });

  test("a draft leaves the state it began from as it was", () => {
    fc.assert(
      fc.property(fc.array(anyChange), fc.array(anyChange), (first, second) => {
        const before = applyChanges(emptyState(), first);
        const copy = structuredClone(before);
        createDraft(before).apply(second);
        expect(before).toEqual(copy);
      }),
    );
  });

  test("the indexes follow every change", () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 40 }), (changes) => {
        const state = applyChanges(emptyState(), changes);
        const ranks = [...state.members.values()].map(({ uuid, rank }) => [uuid, rank] as const);
        expect(new Map([...state.ranksByUuid].sort())).toEqual(new Map(ranks.sort()));
        for (const [label, uuid] of state.poolsByLabel) expect(state.pools.get(uuid)?.label).toBe(label);
        for (const { label } of state.pools.values()) expect(state.poolsByLabel.has(label)).toBe(true);
      }),
    );
  });

  test("the version rises by one a decision with changes, and not without", () => {
    const draft = createDraft(emptyState());
    draft.apply([]);
    expect(draft.state.version).toBe(0n);
    expect(draft.ops()).toEqual([]);
    draft.apply([{ kind: "bumpMapVersion" }, { kind: "bumpMapVersion" }]);
    expect(draft.state).toMatchObject({ version: 1n, mapVersion: 2 });
  });

  const records = stateToRecords(stateWith([member(1), member(2)], [pool(1), pool(2)]));
  const damage = (key: string, text: string) => new Map([...records, [key, text]]);
  test.each([
    ["is not JSON", damage("member/1", "{")],
    ["is not an object", damage("member/1", "7")],
    ["is of rank 1", damage("member/3", records.get("member/1")!)],
    ["is of pool", damage("pool/x", records.get(`pool/${uuidOf(1001)}`)!)],
    ["member .* has two ranks", damage("member/3", records.get("member/1")!.replace('"rank":1', '"rank":3'))],
    [
      'label "pool1" is used twice',
      damage(`pool/${uuidOf(7)}`, records.get(`pool/${uuidOf(1001)}`)!.replace(uuidOf(1001), uuidOf(7))),
    ],
    ["unknown state Dancing", damage("member/1", records.get("member/1")!.replace('"Joined"', '"Dancing"'))],
    ["has form 2; this version reads up to 1", damage("meta/system", '{"v":2}')],
    ["is of no kind this version knows", damage("planet/earth", "{}")],
    ["attr/a is not a string", damage("attr/a", "{}")],
  ])("a damaged record is named: %s", (why, broken) => {
    expect(() => stateFromRecords(broken, emptyState())).toThrow(new RegExp(`record .*${why}`));
  });
});

test("a replica that follows what is written has the state of the one that writes", () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyChange, { maxLength: 8 }), { maxLength: 6 }), (batches) => {
      let leads = emptyState();
      let follows = emptyState();
      for (const changes of batches) {
        const draft = createDraft(leads);
        draft.apply(changes);
        leads = draft.state;
        follows = applyRecords(follows, draft.ops());
        expect(inOrder(follows)).toEqual(inOrder(leads));
      }
    }),
  );
});
