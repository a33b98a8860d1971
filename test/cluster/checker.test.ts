import { describe, expect, test } from "bun:test";
import { checkHistory } from "./checker.ts";
import type { Call, CommitRecord, FinalState, Op, Outcome } from "./history.ts";

const quiet: FinalState = { members: [], pools: [], attributes: {} };

function call(op: Op, startMs: number, endMs: number, outcome: Outcome = "ok"): Call {
  return { client: 0, op, startMs, endMs: outcome === "unknown" ? Number.POSITIVE_INFINITY : endMs, outcome };
}
const write = (value: string, from: number, to: number, outcome?: Outcome) =>
  call({ kind: "write", key: "k", value }, from, to, outcome);
const read = (value: string | undefined, from: number, to: number) =>
  call({ kind: "read", key: "k", ...(value === undefined ? {} : { value }) }, from, to);
const attributes = (calls: Call[], last: string) =>
  checkHistory(calls, { ...quiet, attributes: { k: last } }, []);

describe("the checker, on attributes", () => {
  test("takes reads that follow the writes", () => {
    expect(
      attributes([read(undefined, 0, 1), write("a", 2, 3), read("a", 4, 5), write("b", 6, 7)], "b"),
    ).toEqual([]);
  });
  test("takes either order of what overlaps", () => {
    expect(attributes([write("a", 0, 10), write("b", 0, 10), read("a", 11, 12)], "a")).toEqual([]);
    expect(attributes([write("a", 0, 10), write("b", 0, 10), read("b", 11, 12)], "b")).toEqual([]);
  });
  test("finds a read of a value that was overwritten", () => {
    expect(attributes([write("a", 0, 1), write("b", 2, 3), read("a", 4, 5)], "b")).toHaveLength(1);
  });
  test("finds two reads in the wrong order during one write", () => {
    expect(
      attributes([write("a", 0, 1), write("b", 2, 20), read("b", 3, 4), read("a", 5, 6)], "b"),
    ).toHaveLength(1);
  });
  test("finds an acknowledged write that is lost", () => {
    expect(attributes([write("a", 0, 1), write("b", 2, 3)], "a")).toHaveLength(1);
  });
  test("finds a value nobody wrote", () => {
    expect(attributes([write("a", 0, 1), read("x", 2, 3)], "a")).toHaveLength(1);
  });
  test("lets a write of unknown outcome come late, or never, but only once", () => {
    const unknown = write("u", 0, 0, "unknown");
    expect(attributes([unknown, write("a", 5, 6)], "a")).toEqual([]);
    expect(attributes([unknown, write("a", 5, 6), read("a", 7, 8)], "u")).toEqual([]);
    expect(
      attributes([unknown, write("a", 5, 6), read("u", 7, 8), write("b", 9, 10), read("u", 11, 12)], "b"),
    ).toHaveLength(1);
  });
  test("does not let a write take effect that failed for certain", () => {
    expect(attributes([write("a", 0, 1), write("f", 2, 3, "failed"), read("f", 4, 5)], "a")).toHaveLength(1);
  });
});

describe("the checker, on ranks", () => {
  const join = (uuid: string, rank: number) => call({ kind: "join", uuid, rank }, 0, 1);
  test("takes a member that joins twice", () => {
    const final = { ...quiet, members: [{ rank: 1, uuid: "a" }] };
    expect(checkHistory([join("a", 1), join("a", 1)], final, [])).toEqual([]);
  });
  test("finds a rank given twice, and a member with two", () => {
    const final = {
      ...quiet,
      members: [
        { rank: 1, uuid: "b" },
        { rank: 2, uuid: "a" },
      ],
    };
    expect(checkHistory([join("a", 1), join("b", 1)], final, []).join()).toContain(
      "rank 1 was given to a and to b",
    );
    expect(checkHistory([join("a", 1), join("a", 2)], final, []).join()).toContain(
      "a was given rank 1 and rank 2",
    );
  });
  test("finds a member that was acknowledged and is gone", () => {
    expect(checkHistory([join("a", 1)], quiet, [])).toEqual(["rank 1 of a was acknowledged and is gone"]);
  });
});

describe("the checker, on pools", () => {
  const create = (outcome?: Outcome) => call({ kind: "create", label: "p" }, 0, 1, outcome);
  const destroy = (outcome?: Outcome) => call({ kind: "destroy", label: "p" }, 2, 3, outcome);
  const there = { ...quiet, pools: [{ uuid: "u", label: "p" }] };
  test("takes what was made and destroyed, or left in doubt", () => {
    expect(checkHistory([create(), destroy()], quiet, [])).toEqual([]);
    expect(checkHistory([create(), destroy("unknown")], there, [])).toEqual([]);
    expect(checkHistory([create("unknown")], quiet, [])).toEqual([]);
  });
  test("finds a pool that is gone, is back, or is there twice", () => {
    expect(checkHistory([create()], quiet, [])).toEqual(["pool p was made and is gone"]);
    expect(checkHistory([create(), destroy()], there, [])).toEqual(["pool p was destroyed and is there"]);
    const twice = { ...quiet, pools: [...there.pools, { uuid: "v", label: "p" }] };
    expect(checkHistory([create()], twice, [])).toEqual(["pool label p is there twice"]);
  });
});

describe("the checker, on commits", () => {
  const commit = (revision: bigint, name: string, leaderTerm: bigint): CommitRecord => ({
    revision,
    name,
    leaderTerm,
  });
  test("takes terms one after the other", () => {
    expect(
      checkHistory([], quiet, [commit(3n, "2-1", 2n), commit(4n, "2-2", 2n), commit(6n, "5-1", 5n)]),
    ).toEqual([]);
  });
  test("finds a commit of a leader that was succeeded", () => {
    const problems = checkHistory([], quiet, [commit(6n, "5-1", 5n), commit(7n, "2-3", 5n)]);
    expect(problems.join()).toContain("commit 2-3 at revision 7 was made while term 5 was current");
  });
});
