import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  defaultAcl,
  formatAce,
  mergeAcl,
  parseAce,
  parseAcl,
  removeFromAcl,
} from "../../src/lab/engine/acl.ts";
import { Der, DerError } from "../../src/lab/engine/der.ts";

function statusOf(work: () => unknown): number {
  try {
    work();
  } catch (error) {
    if (error instanceof DerError) return error.status;
    throw error;
  }
  return 0;
}

describe("access control entries", () => {
  test("letters are put in the order 2.6 prints them", () => {
    expect(formatAce(parseAce("A::user@:wr"))).toBe("A::user@:rw");
    expect(formatAce(parseAce("A:G:GROUP@:oaAtTwr"))).toBe("A:G:GROUP@:rwtTaAo");
  });
  for (const bad of [
    "",
    "A::OWNER@",
    "X::OWNER@:r",
    "A:X:OWNER@:r",
    "A::OWNER@:z",
    "::OWNER@:r",
    "A:G:OWNER@:r",
    "A::GROUP@:r",
    "A::name:r",
    "U::user@:r",
    "A:S:user@:r",
  ]) {
    test(`"${bad}" is DER_INVAL`, () => expect(statusOf(() => parseAce(bad))).toBe(Der.INVAL));
  }
  test("audit needs a success or fail flag", () => {
    expect(formatAce(parseAce("U:S:user@:r"))).toBe("U:S:user@:r");
  });
});

describe("access control lists", () => {
  test("owner, users, owner group, groups, everyone", () => {
    const acl = parseAcl(["A::EVERYONE@:r", "A:G:staff@:r", "A:G:GROUP@:rw", "A::ann@:r", "A::OWNER@:rw"]);
    expect(acl.map((e) => e.split(":")[2])).toEqual(["OWNER@", "ann@", "GROUP@", "staff@", "EVERYONE@"]);
  });
  test("a principal may be named once, but a user and a group may share a name", () => {
    expect(statusOf(() => parseAcl(["A::ann@:r", "A::ann@:rw"]))).toBe(Der.INVAL);
    expect(parseAcl(["A::ann@:r", "A:G:ann@:rw"])).toHaveLength(2);
  });
  test("an update replaces and adds", () => {
    expect(mergeAcl(defaultAcl, ["A::OWNER@:r", "A::ann@:rw"])).toEqual([
      "A::OWNER@:r",
      "A::ann@:rw",
      "A:G:GROUP@:rw",
    ]);
  });
  test("entries go by principal", () => {
    const acl = parseAcl(["A::ann@:r", "A:G:ann@:rw", "A::OWNER@:rw"]);
    expect(removeFromAcl(acl, "u:ann@")).toEqual(["A::OWNER@:rw", "A:G:ann@:rw"]);
    expect(removeFromAcl(acl, "g:ann@")).toEqual(["A::OWNER@:rw", "A::ann@:r"]);
    expect(removeFromAcl(acl, "OWNER@")).toHaveLength(2);
    expect(statusOf(() => removeFromAcl(acl, "u:bob@"))).toBe(Der.NONEXIST);
    expect(statusOf(() => removeFromAcl(acl, "ann@"))).toBe(Der.INVAL);
    expect(statusOf(() => removeFromAcl(acl, "u:OWNER@"))).toBe(Der.INVAL);
  });

  const entry = fc
    .record({
      user: fc.constantFrom("ann", "bob", "eve"),
      group: fc.boolean(),
      permissions: fc.subarray([..."rwcdtTaAo"]),
    })
    .map(({ user, group, permissions }) => `A:${group ? "G" : ""}:${user}@:${permissions.join("")}`);

  test("merging twice is merging once, and whatever was merged can be removed", () => {
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: (e) => e.split(":").slice(0, 3).join() }), (changes) => {
        const once = mergeAcl(defaultAcl, changes);
        expect(mergeAcl(once, changes)).toEqual(once);
        let rest = once;
        for (const change of changes) {
          const [, flags, principal] = change.split(":");
          rest = removeFromAcl(rest, `${flags === "G" ? "g" : "u"}:${principal}`);
        }
        expect(rest).toEqual([...defaultAcl]);
      }),
    );
  });
});
