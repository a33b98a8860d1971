import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  foldHosts,
  hostAddresses,
  hostWithoutPort,
  parseHostSet,
  sortHosts,
  withPort,
} from "../../src/client/hostset.ts";

describe("a host set", () => {
  test.each([
    ["node1", ["node1"]],
    ["node[1-3]", ["node1", "node2", "node3"]],
    ["node[01-03,20].ib:10001", ["node01.ib:10001", "node02.ib:10001", "node03.ib:10001", "node20.ib:10001"]],
    ["10.0.0.[1-2]:10001,b,a", ["10.0.0.1:10001", "10.0.0.2:10001", "a", "b"]],
    ["node[9-10]", ["node9", "node10"]],
    ["a b\tc,,a", ["a", "b", "c"]],
    ["r[1-2]n[1-2]", ["r1n1", "r2n1", "r1n2", "r2n2"]],
    ["", []],
  ])("%p names %p", (text, hosts) => {
    expect(parseHostSet(text)).toEqual(sortHosts(hosts));
  });

  test.each([
    "node[1-2-3]",
    "node[2-1]",
    "node[a-b]",
    "node[1-2",
    "node]1[",
    "[1-2]",
    "node[1-20000]",
    "no de!",
    "-x[1-",
    "node[[1]]",
    "a[1-9000]b[1-9000]",
  ])("%p is refused", (text) => {
    expect(() => parseHostSet(text)).toThrow();
  });

  test.each([
    [["node3", "node1", "node2"], "node[1-3]"],
    [["node1", "node3", "node7"], "node[1,3,7]"],
    [["node08", "node09", "node10"], "node[08-10]"],
    [["node8", "node9", "node10"], "node[8-10]"],
    [["node1", "node01"], "node[1,01]"],
    [["a1.ib:1", "a2.ib:1", "a1.ib:2"], "a[1-2].ib:1,a1.ib:2"],
    [["rack1-node2", "rack1-node1"], "rack1-node[1-2]"],
    [["127.0.0.1:10001", "127.0.0.2:10001"], "127.0.0.[1-2]:10001"],
    [["localhost:10001"], "localhost:10001"],
    [[], ""],
  ])("%p folds to %p", (hosts, text) => {
    expect(foldHosts(hosts)).toBe(text);
  });

  const host = fc
    .tuple(
      fc.constantFrom("node", "n", "rack1-n", "x-y", "10.0.0.", "h"),
      fc.integer({ min: 0, max: 250 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom("", ".ib", ".ib:10001", ":10001"),
    )
    .map(([prefix, number, width, suffix]) =>
      prefix === "10.0.0."
        ? `${prefix}${number}${suffix.replace(".ib", "")}`
        : `${prefix}${String(number).padStart(width, "0")}${suffix}`,
    );

  test("folding and parsing give the same hosts back", () => {
    fc.assert(
      fc.property(fc.array(host, { maxLength: 60 }), (hosts) => {
        expect(parseHostSet(foldHosts(hosts))).toEqual(sortHosts(hosts));
      }),
    );
  });

  test("folding does not depend on order or repetition", () => {
    fc.assert(
      fc.property(fc.array(host, { maxLength: 30 }), (hosts) => {
        expect(foldHosts([...hosts, ...hosts].reverse())).toBe(foldHosts(hosts));
      }),
    );
  });

  test("any text is either read or refused with an error, in little time", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab1290[]-,.: \t"), maxLength: 40 }), (text) => {
        try {
          expect(Array.isArray(parseHostSet(text))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

describe("an address", () => {
  test("gets the control port unless it names one", () => {
    expect(hostAddresses(["b", "a[1-2]:5"], 10001)).toEqual(["a1:5", "a2:5", "b:10001"]);
  });

  test.each(["a:b", "a:0", "a:70000", "a:1:2", "a:"])("%p has no usable port", (text) => {
    expect(() => withPort(text, 1)).toThrow("invalid host");
  });

  test("is shown without its port", () => {
    expect(hostWithoutPort("a:10001")).toBe("a");
    expect(hostWithoutPort("a")).toBe("a");
  });
});
