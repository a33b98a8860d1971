import { describe, expect, test } from "bun:test";
import { hugepageNodes, reserveHugepages } from "../../src/hardware/hugepages.ts";
import { parseCpuList } from "../../src/hardware/sysfs.ts";
import { coresPerNuma, readPciBusRange, readTopology } from "../../src/hardware/topology.ts";
import { writeTree } from "../support/fake-sysfs.ts";
import { tempFolder } from "../support/temp.ts";

/** Two nodes of two cores with two threads each. */
function twoNodes(): Record<string, string> {
  const files: Record<string, string> = {
    "devices/system/node/node0/cpulist": "0-1,4-5",
    "devices/system/node/node1/cpulist": "2-3,6-7",
    "devices/system/node/possible": "0-1",
  };
  for (let cpu = 0; cpu < 8; cpu += 1) {
    const topology = `devices/system/cpu/cpu${cpu}/topology`;
    files[`${topology}/physical_package_id`] = String(Math.floor((cpu % 4) / 2));
    files[`${topology}/core_id`] = String(cpu % 2);
  }
  return files;
}

describe("CPU lists", () => {
  test.each([
    ["0", [0]],
    ["0-3", [0, 1, 2, 3]],
    ["0-1,8,10-11", [0, 1, 8, 10, 11]],
    ["", []],
    ["x", []],
  ] as const)("%p is read", (text, cpus) => {
    expect(parseCpuList(text)).toEqual([...cpus]);
  });
});

test("threads of one core count once", async () => {
  await using folder = await tempFolder();
  await writeTree(folder.path, twoNodes());
  const topology = await readTopology(folder.path);
  expect(topology.nodes.map(({ id, cores }) => [id, cores])).toEqual([
    [0, 2],
    [1, 2],
  ]);
  expect(coresPerNuma(topology)).toBe(2);
});

test("a kernel without NUMA is one node", async () => {
  await using folder = await tempFolder();
  await writeTree(folder.path, { "devices/system/cpu/online": "0-1" });
  const topology = await readTopology(folder.path);
  expect(topology.nodes).toEqual([{ id: 0, cpus: [0, 1], cores: 1 }]);
});

test("a node without cores of its own does not hide those of the others", async () => {
  await using folder = await tempFolder();
  const files = twoNodes();
  files["devices/system/node/node0/cpulist"] = "";
  await writeTree(folder.path, files);
  expect(coresPerNuma(await readTopology(folder.path))).toBe(2);
});

test("this host has at least one core", async () => {
  expect(coresPerNuma(await readTopology())).toBeGreaterThan(0);
});

test("the PCI bus range of a node spans its own devices only", async () => {
  await using folder = await tempFolder();
  const device = (address: string) => `bus/pci/devices/${address}/numa_node`;
  await writeTree(folder.path, {
    [device("0000:81:00.0")]: "1",
    [device("0000:9f:00.0")]: "1",
    [device("0000:3b:00.0")]: "0",
    [device("0000:00:1f.0")]: "-1",
  });
  expect(await readPciBusRange(1, folder.path)).toEqual({ begin: 0x81, end: 0x9f });
  expect(await readPciBusRange(0, folder.path)).toEqual({ begin: 0, end: 0x3b });
  expect(await readPciBusRange(2, folder.path)).toBeUndefined();
});

describe("hugepages", () => {
  const path = "devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages";

  test("are added where there are too few", async () => {
    await using folder = await tempFolder();
    await writeTree(folder.path, { [path]: "64" });
    expect(await hugepageNodes(2048, folder.path)).toEqual([0]);
    expect(await reserveHugepages(0, 2048, 512, folder.path)).toBe(512);
  });

  test("are never taken away", async () => {
    await using folder = await tempFolder();
    await writeTree(folder.path, { [path]: "1024" });
    expect(await reserveHugepages(0, 2048, 512, folder.path)).toBe(1024);
    expect(await Bun.file(`${folder.path}/${path}`).text()).toBe("1024\n");
  });
});
