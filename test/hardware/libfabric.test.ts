import { describe, expect, test } from "bun:test";
import { mergeOffers, scanHostFabric } from "../../src/hardware/libfabric.ts";
import { NetDevClass, type NetDevice, readNetDevices } from "../../src/hardware/netdev.ts";

const device = (name: string, more: Partial<NetDevice> = {}): NetDevice => ({
  name,
  deviceClass: NetDevClass.ethernet,
  numaNode: 0,
  rdmaDevices: [],
  ready: true,
  hasAddress: true,
  ...more,
});

/** A two-socket server with one InfiniBand port a socket, as libfabric describes it. */
const devices = [
  device("lo", { deviceClass: NetDevClass.loopback }),
  device("ib1", { deviceClass: NetDevClass.infiniband, numaNode: 1, rdmaDevices: ["mlx5_1"] }),
  device("ib0", { deviceClass: NetDevClass.infiniband, rdmaDevices: ["mlx5_0"] }),
  device("eth0"),
  device("hsn0", { numaNode: 1 }),
];
const offers = {
  version: "1.19",
  offers: [
    { provider: "verbs;ofi_rxm", domain: "mlx5_0" },
    { provider: "verbs;ofi_rxm", domain: "mlx5_1" },
    { provider: "verbs", domain: "mlx5_0" },
    { provider: "cxi", domain: "cxi0", pciAddress: "0000:c1:00.0", driver: "cxi_ss1" },
    ...["tcp;ofi_rxm", "udp", "tcp", "sockets"].flatMap((provider) =>
      ["lo", "eth0", "ib0", "ib1"].map((domain) => ({ provider, domain })),
    ),
    { provider: "shm", domain: "shm" },
  ],
};
const pciAddresses = new Map([["hsn0", "0000:c1:00.0"]]);
const lines = (providers: string[]) =>
  mergeOffers(offers, devices, pciAddresses, providers).map(
    (one) => `${one.device} ${one.provider} ${one.domain} numa ${one.numaNode} prio ${one.priority}`,
  );

describe("what libfabric offers, as a scan shows it", () => {
  test("all: interfaces by name, providers by libfabric's preference, loopback and foreign providers left out", () => {
    expect(lines([])).toEqual([
      "eth0 ofi+tcp;ofi_rxm eth0 numa 0 prio 2",
      "eth0 ofi+tcp eth0 numa 0 prio 3",
      "eth0 ofi+sockets eth0 numa 0 prio 4",
      "hsn0 ofi+cxi cxi0 numa 1 prio 1",
      "ib0 ofi+verbs;ofi_rxm mlx5_0 numa 0 prio 0",
      "ib0 ofi+tcp;ofi_rxm ib0 numa 0 prio 2",
      "ib0 ofi+tcp ib0 numa 0 prio 3",
      "ib0 ofi+sockets ib0 numa 0 prio 4",
      "ib1 ofi+verbs;ofi_rxm mlx5_1 numa 1 prio 0",
      "ib1 ofi+tcp;ofi_rxm ib1 numa 1 prio 2",
      "ib1 ofi+tcp ib1 numa 1 prio 3",
      "ib1 ofi+sockets ib1 numa 1 prio 4",
    ]);
  });
  test("one provider", () => {
    expect(lines(["ofi+tcp"])).toEqual([
      "eth0 ofi+tcp eth0 numa 0 prio 0",
      "ib0 ofi+tcp ib0 numa 0 prio 0",
      "ib1 ofi+tcp ib1 numa 1 prio 0",
    ]);
  });
  test("ofi+verbs means verbs over rxm", () => {
    expect(lines(["ofi+verbs"])).toEqual([
      "ib0 ofi+verbs;ofi_rxm mlx5_0 numa 0 prio 0",
      "ib1 ofi+verbs;ofi_rxm mlx5_1 numa 1 prio 0",
    ]);
  });
  test("with several, the order asked for is the preference", () => {
    expect(lines(["ofi+tcp", "ofi+verbs"]).filter((line) => line.startsWith("ib0"))).toEqual([
      "ib0 ofi+tcp ib0 numa 0 prio 0",
      "ib0 ofi+verbs;ofi_rxm mlx5_0 numa 0 prio 1",
    ]);
  });
  test("a device without a net device of its name is found by its PCI address", () => {
    expect(lines(["ofi+cxi"])).toEqual(["hsn0 ofi+cxi cxi0 numa 1 prio 0"]);
  });
  test("a provider that no interface carries gives nothing", () => {
    expect(lines(["ofi+opx"])).toEqual([]);
  });
});

describe("a scan of this host", () => {
  const installed = Bun.file("/usr/lib/x86_64-linux-gnu/libfabric.so.1");
  test("asks libfabric where it is installed", async () => {
    const scan = await scanHostFabric(await readNetDevices(), ["ofi+tcp"]);
    if (await installed.exists()) expect(scan.source).toMatch(/^libfabric \d+\.\d+$/);
    else expect(scan.note).toContain("libfabric");
    for (const one of scan.interfaces) expect(one).toMatchObject({ provider: "ofi+tcp", priority: 0 });
  });
  test("falls back to sysfs and says so when the helper cannot do it", async () => {
    const scan = await scanHostFabric([device("eth0")], ["ofi+tcp"], { command: ["/nonexistent/helper"] });
    expect(scan.source).toBe("sysfs");
    expect(scan.note).toContain("cannot be run");
    expect(scan.interfaces).toEqual([
      { provider: "ofi+tcp", device: "eth0", domain: "eth0", numaNode: 0, deviceClass: 1, priority: 0 },
    ]);
  });
});
