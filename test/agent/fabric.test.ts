import { describe, expect, test } from "bun:test";
import { silentLogger } from "../../src/log/logger.ts";
import {
  carries,
  createFabric,
  type FabricDevice,
  type FabricOptions,
} from "../../src/services/agent/fabric.ts";
import { groupByDevice } from "../../src/services/agent/fabric-source.ts";

const device = (name: string, more: Partial<FabricDevice> = {}): FabricDevice => ({
  name,
  domain: "",
  numaNode: 0,
  deviceClass: 1,
  providers: new Set(["ofi+tcp"]),
  ...more,
});

const fabricOf = (devices: FabricDevice[], more: Partial<FabricOptions> = {}) =>
  createFabric({ devices, excluded: new Set(), usable: () => true, log: silentLogger, ...more });

const wish = { numaNode: 0, deviceClass: 1, provider: "ofi+tcp" };

describe("an interface is chosen", () => {
  test("in turn among those of the process's NUMA node", () => {
    const fabric = fabricOf([device("a"), device("b"), device("c", { numaNode: 1 })]);
    const names = Array.from({ length: 5 }, () => fabric.select(wish).name);
    expect(names).toEqual(["a", "b", "a", "b", "a"]);
    expect(fabric.select({ ...wish, numaNode: 1 }).name).toBe("c");
  });

  test("on another node when its own has none that fits", () => {
    const fabric = fabricOf([
      device("a", { deviceClass: 32 }),
      device("b", { numaNode: 1 }),
      device("c", { numaNode: 3 }),
    ]);
    expect(new Set([fabric.select(wish).name, fabric.select(wish).name])).toEqual(new Set(["b", "c"]));
    expect(fabric.select({ ...wish, numaNode: 7 }).deviceClass).toBe(1);
  });

  test("of the wished class and provider only", () => {
    const fabric = fabricOf([
      device("a", { deviceClass: 32 }),
      device("b", { providers: new Set(["ofi+verbs"]) }),
    ]);
    expect(() => fabric.select(wish)).toThrow('no suitable fabric interface found of type "ETHER"');
    expect(() => fabric.select({ ...wish, deviceClass: 772 })).toThrow("LOOPBACK");
  });

  test("never when it is excluded or has no address", () => {
    const devices = [device("a"), device("b"), device("c")];
    const fabric = fabricOf(devices, { excluded: new Set(["a"]), usable: (name) => name !== "b" });
    expect([fabric.select(wish).name, fabric.select(wish).name]).toEqual(["c", "c"]);
  });

  test("whatever is asked for, when the configuration names it", () => {
    const fabric = fabricOf([device("a", { deviceClass: undefined, providers: new Set() })]);
    expect(fabric.select({ numaNode: 0, deviceClass: 32, provider: "ofi+cxi" }).name).toBe("a");
  });

  test("or there is an error, when there is none at all", () => {
    expect(() => fabricOf([]).select(wish)).toThrow("no suitable fabric interface");
  });
});

describe("an interface is found", () => {
  const fabric = fabricOf([
    device("ib0", { domain: "mlx5_0" }),
    device("ib0", { domain: "mlx5_1" }),
    device("eth0"),
  ]);

  test("by name", () => expect(fabric.find("ib0", "").length).toBe(2));
  test("by name and domain", () => expect(fabric.find("ib0", "mlx5_1")[0]?.domain).toBe("mlx5_1"));
  test("by its own name as domain", () => expect(fabric.find("eth0", "eth0").length).toBe(1));
  test("or not", () => {
    expect(fabric.find("eth1", "")).toEqual([]);
    expect(fabric.find("ib0", "ib0")).toEqual([]);
  });
});

describe("providers", () => {
  test("with commas are all needed", () => {
    const both = device("a", { providers: new Set(["ofi+tcp", "ofi+ofi_rxm"]) });
    expect(carries(both, "ofi+tcp,ofi_rxm")).toBe(true);
    expect(carries(device("a"), "ofi+tcp,ofi_rxm")).toBe(false);
    expect(carries(device("a"), "ucx+tcp")).toBe(false);
  });

  test("of one interface and domain make one device", () => {
    const row = { device: "ib0", domain: "mlx5_0", numaNode: 1, deviceClass: 32, priority: 0 };
    const devices = groupByDevice([
      { ...row, provider: "ofi+verbs;ofi_rxm" },
      { ...row, provider: "ucx+dc_x" },
      { ...row, provider: "ofi+tcp", domain: "ib0" },
    ]);
    expect(devices.map(({ name, domain, providers }) => [name, domain, [...providers]])).toEqual([
      ["ib0", "", ["ofi+tcp"]],
      ["ib0", "mlx5_0", ["ofi+verbs;ofi_rxm", "ucx+dc_x"]],
    ]);
  });
});
