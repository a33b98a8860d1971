import { expect, test } from "bun:test";
import { readNvmeDevices } from "../../src/hardware/nvme.ts";
import { readPmemNamespaces } from "../../src/hardware/pmem.ts";
import { writeTree } from "../support/fake-sysfs.ts";
import { tempFolder } from "../support/temp.ts";

test("NVMe controllers are read with their namespaces, fabrics ones left out", async () => {
  await using folder = await tempFolder();
  await writeTree(folder.path, {
    "class/nvme/nvme1/address": "0000:81:00.0",
    "class/nvme/nvme1/model": "INTEL SSDPE2KE016T8   ",
    "class/nvme/nvme1/serial": "PHLN0000   ",
    "class/nvme/nvme1/firmware_rev": "VDV10170",
    "class/nvme/nvme1/device/numa_node": "-1",
    "class/nvme/nvme1/device/vendor": "0x8086",
    "class/nvme/nvme1/nvme1n1/size": "3125627568",
    "class/nvme/nvme0/address": "traddr=10.0.0.1,trsvcid=4420",
  });
  expect(await readNvmeDevices(folder.path)).toEqual([
    {
      pciAddress: "0000:81:00.0",
      model: "INTEL SSDPE2KE016T8",
      serial: "PHLN0000",
      firmwareRevision: "VDV10170",
      numaNode: 0,
      vendorId: "0x8086",
      namespaces: [{ id: 1, sizeBytes: 3125627568n * 512n }],
    },
  ]);
});

test("PMem namespaces are those with a block device", async () => {
  await using folder = await tempFolder();
  await writeTree(folder.path, {
    "bus/nd/devices/pfn0.0/block/pmem0/size": "1",
    "bus/nd/devices/pfn0.0/size": "3183575302144",
    "bus/nd/devices/pfn0.0/uuid": "3a2b0b3e-0000-4000-8000-000000000000",
    "bus/nd/devices/pfn0.0/namespace": "namespace0.0",
    "bus/nd/devices/pfn0.0/numa_node": "0",
    "bus/nd/devices/namespace0.0/size": "3183575302144",
    "bus/nd/devices/region0/size": "3183575302144",
    "bus/nd/devices/pfn1.0/size": "0",
  });
  expect(await readPmemNamespaces(folder.path)).toEqual([
    {
      uuid: "3a2b0b3e-0000-4000-8000-000000000000",
      blockDevice: "pmem0",
      name: "namespace0.0",
      numaNode: 0,
      sizeBytes: 3183575302144n,
    },
  ]);
});

test("a host without either has none", async () => {
  await using folder = await tempFolder();
  expect(await readNvmeDevices(folder.path)).toEqual([]);
  expect(await readPmemNamespaces(folder.path)).toEqual([]);
});
