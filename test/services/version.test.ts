import { describe, expect, test } from "bun:test";
import { Fault } from "../../src/faults/fault.ts";
import { RpcError } from "../../src/faults/rpc.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { isCompatible, parseSystemField, parseVersion, versionText } from "../../src/security/interop.ts";
import type { Component } from "../../src/security/roles.ts";
import type { IncomingCall } from "../../src/services/chain.ts";
import { rpcService } from "../../src/services/service.ts";
import { checkVersion } from "../../src/services/version.ts";

const method = rpcService(MgmtSvc, { leaderQuery: { roles: ["admin"], handle: () => ({}) } }).methods.get(
  "LeaderQuery",
)!;

/** The outcome of a call to this server (2.6.0): who is calling, or the number or text of the refusal. */
function outcome(call: Partial<IncomingCall>, sys?: string): string {
  try {
    return checkVersion(
      {
        method,
        certified: undefined,
        componentHeader: undefined,
        versionHeader: undefined,
        peerAddr: "",
        admit() {},
        signal: new AbortController().signal,
        ...call,
      },
      sys,
    );
  } catch (error) {
    if (error instanceof Fault) return String(error.code);
    return error instanceof RpcError ? `rpc ${error.code}` : (error as Error).message;
  }
}

describe("callers that name component and version in headers", () => {
  const table: readonly [Component, string, string][] = [
    ["admin", "2.6.0", "admin"],
    ["admin", "v2.6.0", "admin"],
    ["admin", "2.6.7", "admin"],
    ["admin", "2.5.0", "616"],
    ["admin", "2.7.0", "616"],
    ["admin", "1.2.0", "616"],
    ["admin", "3.6.0", "616"],
    ["server", "2.6.3", "server"],
    ["server", "2.4.0", "616"],
    ["agent", "2.6.1", "agent"],
    ["agent", "2.4.0", "agent"],
    ["agent", "2.8.9", "agent"],
    ["agent", "2.3.9", "616"],
    ["agent", "2.9.0", "616"],
    ["agent", "1.6.0", "616"],
    ["agent", "3.6.0", "616"],
  ];
  for (const [component, version, expected] of table) {
    test(`${component} ${version}: ${expected}`, () => {
      const headers = { componentHeader: component, versionHeader: version };
      expect(outcome(headers)).toBe(expected);
      expect(outcome({ ...headers, certified: component })).toBe(expected);
    });
  }

  test("must be who their certificate says", () => {
    const call = { componentHeader: "admin", versionHeader: "2.6.0" };
    expect(outcome({ ...call, certified: "agent" })).toBe("rpc 7");
    expect(outcome({ ...call, certified: "unknown" })).toBe("rpc 7");
  });

  test("must write both as they are meant", () => {
    const failed = "failed to extract peer component/version from headers: invalid";
    expect(outcome({ componentHeader: "king", versionHeader: "2.6.0" })).toBe(`${failed} component "king"`);
    for (const version of ["", "2.6", "2.6.0.1", "2.x.0", "-2.6.0"]) {
      expect(outcome({ componentHeader: "admin", versionHeader: version })).toBe(
        `${failed} version "${version}"`,
      );
    }
  });

  test("may leave the component empty where there are no certificates", () => {
    expect(outcome({ componentHeader: "", versionHeader: "2.4.0" })).toBe("unknown");
    expect(outcome({ componentHeader: "", versionHeader: "2.6.0", certified: "admin" })).toBe("rpc 7");
  });
});

describe("callers from before the headers", () => {
  const table: readonly [IncomingCall["certified"], string | undefined, string][] = [
    [undefined, "daos_server-2.6.0", "unknown"],
    [undefined, "daos_server-2.6.1", "617"],
    [undefined, "daos_server", "617"],
    [undefined, undefined, "unknown"],
    ["admin", "daos_server-2.6.0", "admin"],
    ["admin", "daos_server-2.6.5", "admin"],
    ["admin", "daos_server-2.4.0", "616"],
    ["admin", "daos_server", "616"],
    ["agent", "daos_server-2.4.1", "agent"],
    ["agent", "daos_server", "616"],
    ["admin", undefined, "admin"],
    ["unknown", "daos_server-2.4.0", "616"],
  ];
  for (const [certified, sys, expected] of table) {
    test(`certificate ${certified}, system ${sys}: ${expected}`, () => {
      expect(outcome({ certified }, sys)).toBe(expected);
    });
  }

  test("one header alone counts for none", () => {
    expect(outcome({ componentHeader: "admin" }, "daos_server-2.6.0")).toBe("unknown");
    expect(outcome({ versionHeader: "1.0.0" }, "daos_server-2.6.0")).toBe("unknown");
  });
});

describe("the refusals", () => {
  test("name both sides", () => {
    const call = { method, peerAddr: "", admit() {}, signal: new AbortController().signal } as const;
    const headers = { componentHeader: "admin", versionHeader: "2.4.0", certified: undefined };
    expect(() => checkVersion({ ...call, ...headers }, undefined)).toThrow(
      "components server:2.6.0 and admin:2.4.0 are not compatible",
    );
    const none = { componentHeader: undefined, versionHeader: undefined, certified: undefined };
    expect(() => checkVersion({ ...call, ...none }, "a-2.4.0")).toThrow(
      "versions 2.6.0 and 2.4.0 are not compatible",
    );
  });
});

describe("names and versions", () => {
  test("a system's name may be followed by a version, and may hold dashes", () => {
    const v260 = { major: 2, minor: 6, patch: 0 };
    expect(parseSystemField("daos_server-2.6.0")).toEqual({ name: "daos_server", version: v260 });
    expect(parseSystemField("my-site-2.6.0")).toEqual({ name: "my-site", version: v260 });
    expect(parseSystemField("my-site")).toEqual({ name: "my-site", version: undefined });
    expect(parseSystemField("daos_server")).toEqual({ name: "daos_server", version: undefined });
    expect(parseSystemField("")).toEqual({ name: "", version: undefined });
  });

  test("versions are read and written", () => {
    expect(versionText(parseVersion("v10.20.30")!)).toBe("10.20.30");
    expect(parseVersion("1.2.3-rc1")).toBeUndefined();
  });

  test("equal versions are compatible whatever they are", () => {
    const old = { major: 1, minor: 0, patch: 0 };
    expect(isCompatible(old, "admin", old)).toBe(true);
  });
});
