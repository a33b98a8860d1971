import { describe, expect, test } from "bun:test";
import { contextCount, parseEngineArgs } from "../../src/lab/engine/args.ts";
import { formatUri, parseUri, readEnvironment } from "../../src/lab/engine/environment.ts";
import { maskWeight } from "../../src/lab/engine/log.ts";
import { formatRanks } from "../../src/lab/engine/ranks.ts";

describe("arguments of daos_engine", () => {
  test("the argv a 2.6 server gives is understood", () => {
    const argv = "-t 1 -x 0 -g daos_server -d /run/d -T 1 -I 0 -r 0 -H 0 -s /mnt/daos".split(" ");
    expect(parseEngineArgs(argv)).toMatchObject({
      targets: 1,
      helpers: 0,
      group: "daos_server",
      socketDir: "/run/d",
      storagePath: "/mnt/daos",
      instance: 0,
      checkMode: false,
      nvmeConfig: undefined,
    });
  });
  test("values may be glued, long or behind an equals sign", () => {
    const argv = ["-t8", "--xshelpernr=2", "--storage", "/s", "-bC", "-n", "/n.conf", "-p1", "-f", "0x10"];
    expect(parseEngineArgs(argv)).toMatchObject({
      targets: 8,
      helpers: 2,
      storagePath: "/s",
      bypassHealthCheck: true,
      checkMode: true,
      nvmeConfig: "/n.conf",
      numaNode: 1,
      firstCore: 16,
    });
  });
  for (const bad of [
    ["-t", "x"],
    ["-t"],
    ["-Z"],
    ["--nope"],
    ["word"],
    ["-T", "5"],
    ["-g", "a_name_of_16_let"],
    ["-t0"],
  ]) {
    test(`${bad.join(" ")} is refused`, () => {
      expect(() => parseEngineArgs(bad)).toThrow();
    });
  }
  test("contexts are two, one a target, one a helper up to the targets", () => {
    expect(contextCount({ targets: 1, helpers: 0 })).toBe(3);
    expect(contextCount({ targets: 8, helpers: 2 })).toBe(12);
    expect(contextCount({ targets: 2, helpers: 4 })).toBe(6);
  });
});

describe("environment", () => {
  const address = () => "127.0.0.1";
  test("provider, interface and port make the URI", () => {
    const env = { D_PROVIDER: "ofi+tcp;ofi_rxm", D_INTERFACE: "lo", D_PORT: "31416" };
    const { endpoints } = readEnvironment(env, address);
    expect(endpoints.map(formatUri)).toEqual(["ofi+tcp;ofi_rxm://127.0.0.1:31416"]);
  });
  test("several providers make several endpoints", () => {
    const env = { D_PROVIDER: "ofi+tcp,ofi+verbs", D_INTERFACE: "eth0,ib0", D_PORT: "31416,32416" };
    expect(readEnvironment(env, (name) => (name === "ib0" ? "10.0.0.1" : "10.1.0.1")).endpoints).toEqual([
      { provider: "ofi+tcp", host: "10.1.0.1", port: 31416 },
      { provider: "ofi+verbs", host: "10.0.0.1", port: 32416 },
    ]);
  });
  test("URIs are read back, IPv6 too, and nonsense is not one", () => {
    expect(parseUri("ofi+tcp://127.0.0.1:31416")).toEqual({ host: "127.0.0.1", port: 31416 });
    expect(parseUri(formatUri({ provider: "ofi+tcp", host: "fe80::1", port: 5 }))).toEqual({
      host: "fe80::1",
      port: 5,
    });
    for (const bad of ["", "tcp", "ofi+tcp://host", "ofi+tcp://h:0", "ofi+tcp://h:99999"]) {
      expect(() => parseUri(bad)).toThrow();
    }
  });
  test("bad numbers are refused", () => {
    expect(() => readEnvironment({ D_PORT: "x" }, address)).toThrow();
    expect(() => readEnvironment({ DAOS_LAB_SCM_BYTES: "1G" }, address)).toThrow();
    expect(() => readEnvironment({ DAOS_LAB_REBUILD_MS: "soon" }, address)).toThrow();
    expect(readEnvironment({ DAOS_LAB_SCM_BYTES: "4294967296" }, address).scmBytes).toBe(1n << 32n);
  });
});

test("log masks: the chattiest facility decides, nonsense is none", () => {
  expect(maskWeight("INFO")).toBe(1);
  expect(maskWeight("ERR,mgmt=DBUG")).toBe(0);
  expect(maskWeight("LOUD")).toBeUndefined();
});

test("ranks are folded into ranges", () => {
  expect(formatRanks([])).toBe("");
  expect(formatRanks([5, 0, 2, 1, 2])).toBe("0-2,5");
});
