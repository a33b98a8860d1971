import { afterEach, describe, expect, test } from "bun:test";
import { Fault } from "../../src/faults/fault.ts";
import { deviceLine, planText } from "../../src/hardware/pci/describe.ts";
import { planPages } from "../../src/hardware/pci/pages.ts";
import { type PrepareRequest, planPrepare, planReset } from "../../src/hardware/pci/plan.ts";
import { parseAddressList } from "../../src/hardware/pci/select.ts";
import { readStorageHost } from "../../src/helper/pci/host.ts";
import { backingDomain, vmdOfBacking } from "../../src/helper/pci/vmd.ts";
import { HostTree, type TreeOptions, TWO_SOCKETS } from "./host-tree.ts";

const ROOT = { name: "root", uid: 0, gid: 0 };
const ALL: PrepareRequest = {
  allow: [],
  block: [],
  user: ROOT,
  disableVfio: false,
  vmd: true,
  hugePages: 0,
  nodes: [],
};

const trees: HostTree[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) tree.remove();
});

async function hostOf(options: TreeOptions = {}) {
  const tree = new HostTree(options);
  trees.push(tree);
  return readStorageHost(tree.roots);
}

async function plan(request: Partial<PrepareRequest> = {}, options: TreeOptions = {}) {
  return planPrepare(await hostOf(options), { ...ALL, ...request });
}

const lines = (found: Awaited<ReturnType<typeof plan>>) => found.devices.map(deviceLine);

describe("what is seen of a host", () => {
  test("controllers with driver, node, group, VMD and disks", async () => {
    const { controllers, iommu, modules, pages, hugetlbfs } = await hostOf();
    expect(controllers.map((one) => one.address)).toEqual([
      "0000:17:00.0",
      "0000:18:00.0",
      "0000:19:00.0",
      "0000:1a:00.0",
      "0000:98:00.0",
      "0000:d7:05.5",
      "10000:01:00.0",
      "10000:02:00.0",
      "10000:03:00.0",
    ]);
    expect(controllers[0]).toEqual({
      address: "0000:17:00.0",
      kind: "nvme",
      vendorId: 0x8086,
      deviceId: 0x0b60,
      driver: "nvme",
      numaNode: 0,
      iommuGroup: 30,
      groupMates: [],
      behindVmd: undefined,
      heldBy: undefined,
      blockDevices: [{ name: "nvme0n1", sizeBytes: 7501476528 * 512, uses: [] }],
    });
    expect(controllers.at(-1)).toMatchObject({
      behindVmd: "0000:d7:05.5",
      blockDevices: [{ name: "nvme7n1" }],
    });
    expect(iommu).toBe(true);
    expect(modules).toEqual(["nvme", "vmd"]);
    expect(pages.map((one) => [one.node, one.total])).toEqual([
      [0, 0],
      [1, 0],
    ]);
    expect(hugetlbfs).toHaveLength(1);
  });

  test("the width of the IOMMU", async () => {
    expect((await hostOf({ iommuCap: "d2008c40660462" })).iommuAddressBits).toBe(
      1 + ((0x660462 >> 16) & 0x3f) + 0,
    );
    expect((await hostOf({})).iommuAddressBits).toBeUndefined();
  });

  const uses: [string, TreeOptions, string[]][] = [
    ["partitions", {}, ["nvme1n1 has partition nvme1n1p1", "nvme1n1 has partition nvme1n1p2"]],
    [
      "a mount of a partition",
      { mountinfo: "25 1 259:12 / /boot rw - ext4 /dev/nvme1n1p2 rw\n" },
      ["nvme1n1 has partition nvme1n1p1", "nvme1n1 has partition nvme1n1p2", "nvme1n1p2 is mounted at /boot"],
    ],
    [
      "swap on a partition",
      { swaps: "/dev/nvme1n1p1 partition 1 0 -2" },
      ["nvme1n1 has partition nvme1n1p1", "nvme1n1p1 is swap space", "nvme1n1 has partition nvme1n1p2"],
    ],
  ];
  for (const [name, options, expected] of uses) {
    test(`uses: ${name}`, async () => {
      const { controllers } = await hostOf(options);
      expect(controllers[1]!.blockDevices[0]!.uses).toEqual(expected);
    });
  }

  test("uses: a whole disk that is mounted, by number or by name, and held by device mapper", async () => {
    const tree = new HostTree({ mountinfo: "25 1 0:44 / /my\\040data rw - btrfs /dev/nvme0n1 rw\n" });
    trees.push(tree);
    tree.put("", "sys/class/block/nvme0n1/holders/dm-0/x");
    const { controllers } = await readStorageHost(tree.roots);
    expect(controllers[0]!.blockDevices[0]!.uses).toEqual([
      "nvme0n1 is mounted at /my data",
      "nvme0n1 is held by dm-0",
    ]);
  });
});

describe("a plan to prepare", () => {
  test("hands over every free controller and leaves the partitioned one alone", async () => {
    const found = await plan({ vmd: false });
    expect(found.driver).toBe("vfio-pci");
    expect(lines(found)).toEqual([
      "0000:17:00.0  nvme -> vfio-pci",
      "0000:18:00.0  left alone: nvme1n1 has partition nvme1n1p1, nvme1n1 has partition nvme1n1p2",
      "0000:19:00.0  nvme -> vfio-pci",
      "0000:1a:00.0  nvme -> vfio-pci",
      "0000:98:00.0  nvme -> vfio-pci",
      "0000:d7:05.5 (VMD)  left alone: VMD is not enabled",
      "10000:01:00.0  left alone: is behind VMD 0000:d7:05.5, which stays with the kernel",
      "10000:02:00.0  left alone: is behind VMD 0000:d7:05.5, which stays with the kernel",
      "10000:03:00.0  left alone: is behind VMD 0000:d7:05.5, which stays with the kernel",
    ]);
  });

  test("with VMD unbinds what is behind it first", async () => {
    const found = await plan({ allow: ["0000:d7:05.5"] });
    expect(found.devices.filter((one) => one.decision === "bind").map((one) => one.address)).toEqual([
      "0000:d7:05.5",
    ]);
    expect(found.steps).toEqual([
      { do: "load-module", module: "vfio-pci" },
      { do: "load-module", module: "vfio_iommu_type1" },
      { do: "clean-spdk" },
      { do: "bind", address: "10000:01:00.0", driver: "none" },
      { do: "bind", address: "10000:02:00.0", driver: "none" },
      { do: "bind", address: "10000:03:00.0", driver: "none" },
      { do: "bind", address: "0000:d7:05.5", driver: "vfio-pci" },
      { do: "hugepages", node: 1, pageSizeKib: 2048, pages: 1024 },
    ]);
  });

  test("a VMD is meant by the address of what is behind it, as SPDK or the kernel calls that", async () => {
    for (const address of ["d70505:01:00.0", "10000:02:00.0"]) {
      const found = await plan({ allow: [address] });
      expect(found.devices.filter((one) => one.decision === "bind").map((one) => one.address)).toEqual([
        "0000:d7:05.5",
      ]);
      expect(found.absent).toEqual([]);
    }
  });

  test("a VMD with a mounted drive behind it is left alone", async () => {
    const found = await plan({}, { mountinfo: "25 1 259:60 / /data rw - xfs /dev/nvme6n1 rw\n" });
    expect(lines(found)[5]).toBe("0000:d7:05.5 (VMD)  left alone: nvme6n1 is mounted at /data");
    expect(found.steps.some((step) => step.do === "bind" && step.address.startsWith("10000"))).toBe(false);
  });

  test("the block list is stronger than the allow list, also for what is behind a VMD", async () => {
    const found = await plan({
      allow: ["0000:17:00.0", "0000:19:00.0", "0000:d7:05.5"],
      block: ["0000:19:00.0", "d70505:02:00.0"],
    });
    expect(found.devices.filter((one) => one.decision === "bind").map((one) => one.address)).toEqual([
      "0000:17:00.0",
    ]);
    expect(lines(found)[5]).toContain("is on the block list");
    expect(lines(found)[4]).toContain("is not on the allow list");
  });

  test("addresses that are not there are told", async () => {
    expect((await plan({ allow: ["0000:17:00.0", "0000:ff:00.0"] })).absent).toEqual(["0000:ff:00.0"]);
  });

  test("without an IOMMU uio is taken, and VFIO only if its owner allows it without", async () => {
    expect((await plan({}, { iommu: false })).driver).toBe("uio_pci_generic");
    const tree = new HostTree({ iommu: false });
    trees.push(tree);
    tree.put("Y", "sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
    expect(planPrepare(await readStorageHost(tree.roots), ALL).driver).toBe("vfio-pci");
  });

  test("VFIO can be refused", async () => {
    expect((await plan({ disableVfio: true })).driver).toBe("uio_pci_generic");
  });

  test("a kernel without the module is fault 1", async () => {
    const tree = new HostTree({ iommu: false });
    trees.push(tree);
    tree.put("kernel/drivers/nvme.ko:", "lib/modules/6.1.0-test/modules.dep");
    const host = await readStorageHost(tree.roots);
    expect(() => planPrepare(host, ALL)).toThrow(Fault);
    expect(() => planPrepare(host, ALL)).toThrow("uio_pci_generic");
  });

  test("a controller that shares its IOMMU group with the network card stays", async () => {
    const controllers = TWO_SOCKETS.map((one) =>
      one.address === "0000:3d:00.0" ? { ...one, iommuGroup: 30 } : one,
    );
    const found = await plan({}, { controllers });
    expect(lines(found)[0]).toBe("0000:17:00.0  left alone: shares IOMMU group 30 with 0000:3d:00.0 (ixgbe)");
    expect((await plan({ disableVfio: true }, { controllers })).devices[0]!.decision).toBe("bind");
  });

  test("two controllers of one group go together", async () => {
    const controllers = TWO_SOCKETS.map((one) =>
      one.address === "0000:19:00.0" ? { ...one, iommuGroup: 30 } : one,
    );
    expect((await plan({}, { controllers })).devices[0]!.decision).toBe("bind");
  });

  test("what is prepared already is kept", async () => {
    const controllers = TWO_SOCKETS.map((one) => ({
      ...one,
      driver: one.kind === "nvme" ? "vfio-pci" : one.driver,
    }));
    const found = await plan({ vmd: false }, { controllers });
    expect(found.devices[0]).toMatchObject({ decision: "keep", reason: "is on vfio-pci already" });
    expect(found.steps.map((step) => step.do)).toEqual(["clean-spdk", "hugepages", "hugepages"]);
  });

  test("another user gets the VFIO groups and the huge pages", async () => {
    const user = { name: "daos_server", uid: 986, gid: 985 };
    const found = await plan({ user, allow: ["0000:17:00.0"] }, { hugetlbfs: false });
    expect(found.steps.slice(3)).toEqual([
      { do: "bind", address: "0000:17:00.0", driver: "vfio-pci" },
      { do: "own-vfio", address: "0000:17:00.0", uid: 986, gid: 985 },
      { do: "mount-hugetlbfs" },
      { do: "hugepages", node: 0, pageSizeKib: 2048, pages: 1024 },
      { do: "own-hugetlbfs", uid: 986, gid: 985 },
    ]);
  });
});

describe("huge pages", () => {
  const pagesOf = async (wanted: number, nodes: number[], options: TreeOptions = {}) =>
    planPages(await hostOf(options), wanted, nodes).map(({ node, needed, target }) => [node, needed, target]);
  test("are spread over the nodes, the first taking the odd one", async () => {
    expect(await pagesOf(1025, [0, 1])).toEqual([
      [0, 513, 513],
      [1, 512, 512],
    ]);
  });
  test("are 1024 unless told", async () => expect(await pagesOf(0, [1])).toEqual([[1, 1024, 1024]]));
  test("without devices go to the first node", async () =>
    expect(await pagesOf(10, [])).toEqual([[0, 10, 10]]));
  test("on a kernel without nodes", async () => {
    expect(await pagesOf(10, [0], { nodes: 0 })).toEqual([[-1, 10, 10]]);
  });
  test("that are there already are kept", async () => {
    const tree = new HostTree();
    trees.push(tree);
    tree.put("4096", "sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages");
    expect(planPages(await readStorageHost(tree.roots), 100, [0])[0]).toMatchObject({
      needed: 100,
      target: 4096,
    });
  });
  test("that do not fit into free memory are warned about", async () => {
    const [plan] = planPages(await hostOf(), 100_000, [0]);
    expect(plan!.warning).toBe("200000 MiB are needed, 97656 MiB of the node are free");
  });
});

describe("a plan to reset", () => {
  const prepared = TWO_SOCKETS.filter((one) => one.behind === undefined).map((one) => ({
    ...one,
    driver: one.kind === "other" ? "ixgbe" : "vfio-pci",
  }));
  const reset = async (options: TreeOptions, request = {}) =>
    planReset(await hostOf(options), { allow: [], block: [], releasePages: false, ...request });

  test("gives everything back to its own driver", async () => {
    const found = await reset({ controllers: prepared, modules: [] });
    expect(found.steps[0]).toEqual({ do: "clean-spdk" });
    expect(found.steps).toContainEqual({ do: "load-module", module: "nvme" });
    expect(found.steps).toContainEqual({ do: "bind", address: "0000:d7:05.5", driver: "vmd" });
    expect(found.steps.at(-1)).toEqual({ do: "rescan" });
    expect(found.devices.every((one) => one.decision === "bind")).toBe(true);
  });
  test("leaves what the kernel has, is blocked or not allowed", async () => {
    const found = await reset(
      { controllers: prepared },
      { allow: ["0000:17:00.0", "0000:18:00.0"], block: ["0000:18:00.0"] },
    );
    expect(found.devices.filter((one) => one.decision === "bind").map((one) => one.address)).toEqual([
      "0000:17:00.0",
    ]);
    expect((await reset({})).steps).toEqual([{ do: "clean-spdk" }]);
  });
  test("a device that an engine has open is not taken from it", async () => {
    const tree = new HostTree({ controllers: prepared });
    trees.push(tree);
    tree.addProcess(4711, "daos_engine", "dev/vfio/30");
    const found = planReset(await readStorageHost(tree.roots), { allow: [], block: [], releasePages: false });
    expect(deviceLine(found.devices[0]!)).toBe(
      "0000:17:00.0  left alone: in use by process 4711 (daos_engine)",
    );
  });
});

describe("a plan in words", () => {
  test("says every write", async () => {
    const text = planText(await plan({ allow: ["0000:17:00.0", "0000:d7:05.5"], hugePages: 512 }), 2048);
    expect(text).toContain("0000:d7:05.5 (VMD)  vmd -> vfio-pci");
    expect(text).toContain("NUMA node 0: 256 huge pages of 2048 KiB needed, 0 there: 256 to allocate");
    expect(
      text.split("\n").filter((line) => line.includes("17:00.0 >") || line.includes("17:00.0/")),
    ).toEqual([
      "  7. echo vfio-pci > /sys/bus/pci/devices/0000:17:00.0/driver_override",
      "  8. echo 0000:17:00.0 > /sys/bus/pci/devices/0000:17:00.0/driver/unbind",
      "  9. echo 0000:17:00.0 > /sys/bus/pci/drivers_probe",
      "  10. echo > /sys/bus/pci/devices/0000:17:00.0/driver_override",
    ]);
    expect(text).toContain(
      "echo 256 > /sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages",
    );
  });
});

describe("PCI addresses", () => {
  test("lists are split at commas and blanks, filled up and each taken once", () => {
    expect(parseAddressList("0000:17:00.0,3D:00.0 0000:17:00.0")).toEqual(["0000:17:00.0", "0000:3d:00.0"]);
    expect(parseAddressList("")).toEqual([]);
    expect(() => parseAddressList("nvme0")).toThrow(`invalid PCI address "nvme0"`);
  });
  test("what is behind a VMD is called after it", () => {
    expect(backingDomain("0000:5d:05.5")).toBe("5d0505");
    expect(vmdOfBacking("5d0505:01:00.0")).toBe("0000:5d:05.5");
    expect(backingDomain("0000:0a:05.5")).toBe("a0505");
    expect(vmdOfBacking("a0505:01:00.0")).toBe("0000:0a:05.5");
    expect(vmdOfBacking("0000:5d:05.5")).toBeUndefined();
    expect(vmdOfBacking("10000:01:00.0")).toBeUndefined();
  });
});
