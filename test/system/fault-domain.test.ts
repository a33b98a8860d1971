import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  compressFaultDomains,
  domainPaths,
  formatFaultDomain,
  newDomainIds,
  parseFaultDomain,
} from "../../src/system/fault-domain.ts";
import { emptyState } from "../../src/system/state.ts";
import { member, stateWith } from "./samples.ts";

describe("fault domains", () => {
  test.each([
    ["", []],
    ["/", []],
    [" / ", []],
    ["(nil)", []],
    ["/Rack1/ host7 ", ["rack1", "host7"]],
  ])("%p has the levels %p", (text, levels) => {
    expect(parseFaultDomain(text)).toEqual(levels);
  });

  test.each(["rack1", "/rack1//host", "/rack1/", "//"])("%p is refused", (text) => {
    expect(() => parseFaultDomain(text)).toThrow("invalid fault domain");
  });

  test("are read back as written", () => {
    const level = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    fc.assert(
      fc.property(fc.array(level), (levels) => {
        expect(parseFaultDomain(formatFaultDomain(levels))).toEqual(levels);
      }),
    );
  });

  test("have a path for each level, from the top", () => {
    expect(domainPaths("/a/b/c")).toEqual(["/a", "/a/b", "/a/b/c"]);
  });

  test("get numbers once, after the root's and all others", () => {
    expect([...newDomainIds(emptyState(), "/a/b")]).toEqual([
      ["/a", 2],
      ["/a/b", 3],
    ]);
    const state = { domainIds: new Map([["/a", 7]]) };
    expect([...newDomainIds(state, "/a/b")]).toEqual([["/a/b", 8]]);
    expect(newDomainIds(state, "/a").size).toBe(0);
  });
});

describe("the compressed tree", () => {
  test("of one host with two ranks", () => {
    const host = { faultDomain: "/host" };
    const state = stateWith([member(0, host), member(1, host)]);
    // root: two levels below it, number 1, one child; the host: level 1, number 2, two ranks.
    expect(compressFaultDomains(state, [0, 1])).toEqual([2, 1, 1, 1, 2, 2, 0, 1]);
  });

  test("of racks, breadth first, siblings by label", () => {
    const state = stateWith([
      member(0, { faultDomain: "/rack1/b" }),
      member(1, { faultDomain: "/rack0/c" }),
      member(2, { faultDomain: "/rack1/a" }),
    ]);
    const id = (path: string) => state.domainIds.get(path)!;
    expect(compressFaultDomains(state, [0, 1, 2])).toEqual([
      ...[3, 1, 2],
      ...[2, id("/rack0"), 1],
      ...[2, id("/rack1"), 2],
      ...[1, id("/rack0/c"), 1],
      ...[1, id("/rack1/a"), 1],
      ...[1, id("/rack1/b"), 1],
      ...[1, 2, 0],
    ]);
  });

  test("orders ranks by their names, 10 before 2, as 2.6 does", () => {
    const state = stateWith([2, 10].map((rank) => member(rank, { faultDomain: "/h" })));
    expect(compressFaultDomains(state, [2, 10]).slice(-2)).toEqual([10, 2]);
  });

  test("holds only the domains of the ranks asked for", () => {
    const state = stateWith([member(0), member(1), member(2)]);
    const tree = compressFaultDomains(state, [1]);
    expect(tree).toEqual([2, 1, 1, 1, state.domainIds.get("/host1")!, 1, 1]);
  });

  test("of members without a fault domain has ranks below the root", () => {
    const state = stateWith([member(0, { faultDomain: "/" }), member(1, { faultDomain: "/" })]);
    expect(compressFaultDomains(state, [0, 1])).toEqual([1, 1, 2, 0, 1]);
  });

  test("refuses a rank that is no member", () => {
    expect(() => compressFaultDomains(stateWith([member(0)]), [5])).toThrow(
      "rank 5 not found in fault domain tree",
    );
  });

  test("counts children that are there, and ends every branch in a rank", () => {
    const domain = fc.tuple(fc.nat(2), fc.nat(3)).map(([rack, host]) => `/r${rack}/h${host}`);
    fc.assert(
      fc.property(fc.array(domain, { minLength: 1, maxLength: 20 }), (domains) => {
        const state = stateWith(domains.map((faultDomain, rank) => member(rank, { faultDomain })));
        const tree = compressFaultDomains(state, domains.keys());
        let nodes = 1;
        let at = 0;
        for (let level = 3; level > 0; level--) {
          let below = 0;
          for (let n = 0; n < nodes; n++, at += 3) {
            expect(tree[at]).toBe(level);
            below += tree[at + 2]!;
          }
          nodes = below;
        }
        expect(tree.slice(at).sort((a, b) => a - b)).toEqual([...domains.keys()]);
      }),
    );
  });
});
