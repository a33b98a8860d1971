import { describe, expect, test } from "bun:test";
import { completeProvider, domainOf, scanFabric, splitProviders } from "../../src/hardware/fabric.ts";
import { NetDevClass, type NetDevice, readNetDevice, readNetDevices } from "../../src/hardware/netdev.ts";
import { writeTree } from "../support/fake-sysfs.ts";
import { tempFolder } from "../support/temp.ts";

const eth0: NetDevice = {
  name: "eth0",
  deviceClass: NetDevClass.ethernet,
  numaNode: 0,
  rdmaDevices: [],
  ready: true,
  hasAddress: true,
};
const ib0: NetDevice = {
  ...eth0,
  name: "ib0",
  deviceClass: NetDevClass.infiniband,
  numaNode: 1,
  rdmaDevices: ["mlx5_0"],
};
const lo: NetDevice = { ...eth0, name: "lo", deviceClass: NetDevClass.loopback };

describe("providers", () => {
  test("names between commas are trimmed, empty ones dropped", () => {
    expect(splitProviders(" ofi+tcp, ,ofi+verbs ,")).toEqual(["ofi+tcp", "ofi+verbs"]);
  });

  test("verbs always runs over rxm", () => {
    expect(completeProvider("ofi+verbs")).toBe("ofi+verbs;ofi_rxm");
    expect(completeProvider("ofi+tcp")).toBe("ofi+tcp");
  });
});

describe("domains", () => {
  test.each([
    ["eth0", "ofi+tcp", "eth0"],
    ["eth0", "ofi+sockets", "eth0"],
    ["ib0", "ofi+tcp;ofi_rxm", "ib0"],
    ["ib0", "ofi+verbs;ofi_rxm", "mlx5_0"],
    ["ib0", "ucx+dc_x", "mlx5_0:1"],
    ["ib0", "ucx+tcp", "ib0"],
    ["eth0", "ofi+cxi", "eth0"],
    ["eth0", "ofi+verbs", undefined],
    ["eth0", "ucx+ud_x", undefined],
  ])("of %s for %s is %p", (name, provider, domain) => {
    expect(domainOf(name === "ib0" ? ib0 : eth0, provider)).toBe(domain);
  });
});

describe("a scan", () => {
  test("leaves out loopback and interfaces without an address", () => {
    const found = scanFabric([lo, eth0, { ...eth0, name: "eth1", hasAddress: false }], ["ofi+tcp"]);
    expect(found.map(({ device }) => device)).toEqual(["eth0"]);
  });

  test("offers an interface only with providers it can carry", () => {
    const found = scanFabric([eth0, ib0], ["ofi+verbs;ofi_rxm"]);
    expect(found).toEqual([
      {
        provider: "ofi+verbs;ofi_rxm",
        device: "ib0",
        domain: "mlx5_0",
        numaNode: 1,
        deviceClass: 32,
        priority: 0,
      },
    ]);
  });

  test("for all providers ranks them by preference", () => {
    const found = scanFabric([ib0], []);
    expect(found.map(({ priority }) => priority)).toEqual([0, 1, 2, 3]);
    expect(found[0]?.provider).toStartWith("ofi+verbs");
  });
});

describe("network devices", () => {
  test("loopback of this host is there, ready, and has an address", async () => {
    const device = await readNetDevice("lo");
    expect(device).toMatchObject({ deviceClass: NetDevClass.loopback, ready: true, hasAddress: true });
  });

  test("one that does not exist is undefined", async () => {
    expect(await readNetDevice("no-such-0")).toBeUndefined();
  });

  test("are read with class, node and RDMA devices", async () => {
    await using folder = await tempFolder();
    await writeTree(folder.path, {
      "class/net/ib0/type": "32",
      "class/net/ib0/operstate": "up",
      "class/net/ib0/device/numa_node": "1",
      "class/net/ib0/device/infiniband/mlx5_0/node_type": "1: CA",
      "class/net/dummy0/type": "1",
      "class/net/dummy0/operstate": "down",
      "class/net/tun0/type": "65534",
      "class/net/tun0/operstate": "unknown",
      "class/net/tun0/flags": "0x1091",
      "class/net/bonding_masters": "x",
    });
    const devices = await readNetDevices(folder.path);
    expect(devices.map(({ name, ready }) => [name, ready])).toEqual([
      ["dummy0", false],
      ["ib0", true],
      ["tun0", true],
    ]);
    expect(devices[1]).toMatchObject({ deviceClass: 32, numaNode: 1, rdmaDevices: ["mlx5_0"] });
  });
});
