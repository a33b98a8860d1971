import { expect, test } from "bun:test";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { topologyText } from "../../src/bundle/topology.ts";
import { readHostDevices } from "../../src/hardware/devices.ts";
import { tempFolder } from "../support/temp.ts";

/** Lays a host with two sockets, hyper-threads, an SSD, a NIC with RDMA, a VLAN on it and PMem into `root`. */
async function layHost(root: string): Promise<{ sys: string; udev: string }> {
  const sys = join(root, "sys");
  const udev = join(root, "udev");
  const file = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const link = async (path: string, target: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(join(root, target), join(root, path));
  };
  await file("sys/devices/system/node/node0/cpulist", "0-1,4-5\n");
  await file("sys/devices/system/node/node1/cpulist", "2-3,6-7\n");
  for (let cpu = 0; cpu < 8; cpu++) {
    const at = `sys/devices/system/cpu/cpu${cpu}/topology`;
    await file(`${at}/physical_package_id`, `${(cpu >> 1) & 1}\n`);
    await file(`${at}/core_id`, `${cpu & 1}\n`);
  }
  const ssd = "sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0";
  await file("sys/devices/pci0000:3a/0000:3a:00.0/subordinate_bus_number", "60\n");
  await file("sys/devices/pci0000:3a/0000:3a:00.0/numa_node", "0\n");
  await file(`${ssd}/numa_node`, "0\n");
  await file(`${ssd}/current_link_speed`, "8.0 GT/s PCIe\n");
  await file(`${ssd}/current_link_width`, "4\n");
  await file(`${ssd}/nvme/nvme0/nvme0n1/size`, "3907029168\n");
  await file(`${ssd}/nvme/nvme0/nvme0n1/dev`, "259:0\n");
  await file(`${ssd}/nvme/nvme0/nvme0n1/queue/hw_sector_size`, "512\n");
  await link(`${ssd}/nvme/nvme0/nvme0n1/device`, `${ssd}/nvme/nvme0`);
  await link("sys/class/block/nvme0n1", `${ssd}/nvme/nvme0/nvme0n1`);
  const nic = "sys/devices/pci0000:af/0000:af:00.0";
  await file(`${nic}/numa_node`, "1\n");
  await link(`${nic}/net/ib0/device`, nic);
  await link(`${nic}/infiniband/mlx5_0/device`, nic);
  await link("sys/class/net/ib0", `${nic}/net/ib0`);
  await link("sys/class/infiniband/mlx5_0", `${nic}/infiniband/mlx5_0`);
  await link("sys/bus/pci/devices/0000:3a:00.0", "sys/devices/pci0000:3a/0000:3a:00.0");
  await link("sys/bus/pci/devices/0000:3b:00.0", ssd);
  await link("sys/bus/pci/devices/0000:af:00.0", nic);
  await file("sys/devices/virtual/net/ib0.100/mtu", "1500\n");
  await link("sys/devices/virtual/net/ib0.100/lower_ib0", `${nic}/net/ib0`);
  await file("sys/devices/virtual/net/lo/mtu", "65536\n");
  const pmem = "sys/devices/LNXSYSTM:00/ndbus0/region1/namespace1.0";
  await file(`${pmem}/numa_node`, "1\n");
  await file(`${pmem}/block/pmem1/size`, "2000000\n");
  await file(`${pmem}/block/pmem1/dev`, "259:1\n");
  await link(`${pmem}/block/pmem1/device`, pmem);
  await link("sys/class/block/pmem1", `${pmem}/block/pmem1`);
  await file("udev/b259:0", "E:ID_MODEL=FAST 1\nE:ID_SERIAL_SHORT=S1\n");
  return { sys, udev };
}

test("a host of two sockets is told as 2.6 tells it", async () => {
  await using folder = await tempFolder();
  const host = await readHostDevices(await layHost(folder.path));
  expect(topologyText(host)).toBe(`NUMA Node 0
  CPU cores: 0-1
  PCI buses:
    0000:[3a-3c]
      0000:3b:00.0
        0000:3b:00.0 nvme0n1 (2.0 TB block device) @ 3.94 GB/s
NUMA Node 1
  CPU cores: 2-3
  PCI buses:
    0000:af
      0000:af:00.0
        0000:af:00.0 ib0 (network interface)
        0000:af:00.0 mlx5_0 (OFI domain)
  Non-PCI block devices:
    pmem1 (1.0 GB NVDIMM)
Virtual Devices
  ib0.100 (network interface)
    backed by: 0000:af:00.0 ib0 (network interface)
  lo (network interface)
`);
  const [disk] = host.nodes[0]!.blocks;
  expect([disk!.type, disk!.model, disk!.serial, disk!.deviceId]).toEqual(["Disk", "FAST 1", "S1", "259:0"]);
});

test("a host without NUMA and without devices is one node", async () => {
  await using folder = await tempFolder();
  const host = await readHostDevices({ sys: folder.path, udev: folder.path });
  expect(host).toEqual({
    nodes: [{ id: 0, cores: [], buses: [], devices: [], blocks: [] }],
    virtual: [],
  });
});
