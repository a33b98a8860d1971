import { afterEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import { defaultServerConfig } from "../../src/config/defaults.ts";
import { Fault } from "../../src/faults/fault.ts";
import type { PrepareRequest } from "../../src/hardware/pci/plan.ts";
import { applySteps } from "../../src/helper/ops/apply.ts";
import type { Step } from "../../src/helper/ops/requests.ts";
import { readStorageHost } from "../../src/helper/pci/host.ts";
import { findUser, prepareRequest } from "../../src/storage/prepare/request.ts";
import { type PrepareHost, prepareNvme, resetNvme } from "../../src/storage/prepare/run.ts";
import { HostTree, type TreeOptions } from "../hardware/host-tree.ts";

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
const NOTHING = { allow: [], block: [], releasePages: false };

const trees: HostTree[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) tree.remove();
});

function makeTree(options: TreeOptions = {}): { tree: HostTree; host: PrepareHost } {
  const tree = new HostTree(options);
  trees.push(tree);
  return {
    tree,
    host: {
      read: () => readStorageHost(tree.roots),
      apply: (steps, progress) => applySteps(steps, tree.applyHost, progress),
    },
  };
}

describe("preparing NVMe", () => {
  test("binds what is free, allocates pages, and leaves the system's drive alone", async () => {
    const { tree, host } = makeTree();
    const outcome = await prepareNvme(ALL, {}, host);
    expect(outcome.devices.slice(0, 6).map((one) => [one.address, one.driver, one.ok])).toEqual([
      ["0000:17:00.0", "vfio-pci", true],
      ["0000:18:00.0", "nvme", false],
      ["0000:19:00.0", "vfio-pci", true],
      ["0000:1a:00.0", "vfio-pci", true],
      ["0000:98:00.0", "vfio-pci", true],
      ["0000:d7:05.5", "vfio-pci", true],
    ]);
    expect(outcome.devices[6]!.detail).toBe("goes with its VMD 0000:d7:05.5");
    expect(tree.driver("0000:17:00.0")).toBe("vfio-pci");
    expect(tree.driver("0000:18:00.0")).toBe("nvme");
    expect(tree.driver("0000:d7:05.5")).toBe("vfio-pci");
    expect(outcome.pages).toEqual([
      { node: 0, needed: 512, found: 512, why: "" },
      { node: 1, needed: 512, found: 512, why: "" },
    ]);
    expect(outcome.problems).toEqual([]);
    expect(tree.loaded).toEqual(["vfio-pci", "vfio_iommu_type1"]);
  });

  test("leaves no driver override behind", async () => {
    const { tree, host } = makeTree();
    await prepareNvme(ALL, {}, host);
    expect(tree.read("sys/bus/pci/devices/0000:17:00.0/driver_override")).toBe("");
  });

  test("a dry run changes nothing", async () => {
    const { tree, host } = makeTree();
    const outcome = await prepareNvme(ALL, { dryRun: true }, host);
    expect(outcome.plan.steps.length).toBeGreaterThan(5);
    expect(tree.writes).toEqual([]);
    expect(tree.loaded).toEqual([]);
    expect(outcome.pages[0]).toEqual({ node: 0, needed: 512, found: 0, why: "" });
  });

  test("tells of each step as it is done", async () => {
    const { host } = makeTree();
    const seen: string[] = [];
    await prepareNvme(
      { ...ALL, allow: ["0000:17:00.0"] },
      { progress: (step, result, done, total) => seen.push(`${done}/${total} ${step.do}: ${result.detail}`) },
      host,
    );
    expect(seen).toEqual([
      "1/5 load-module: vfio-pci loaded",
      "2/5 load-module: vfio_iommu_type1 loaded",
      "3/5 clean-spdk: 0 left by processes that are gone",
      "4/5 bind: 0000:17:00.0 nvme -> vfio-pci",
      "5/5 hugepages: 0 -> 1024 pages of 2048 KiB",
    ]);
  });

  test("says which pages were not found and why", async () => {
    const { host } = makeTree({ pageLimit: 100 });
    const { pages } = await prepareNvme({ ...ALL, allow: ["0000:17:00.0"] }, {}, host);
    expect(pages).toEqual([
      {
        node: 0,
        needed: 1024,
        found: 100,
        why: "924 pages (1848 MiB) are missing: memory of the node is fragmented; stop programs or reboot, and prepare again",
      },
    ]);
  });

  test("run twice it changes nothing the second time", async () => {
    const { tree, host } = makeTree();
    await prepareNvme(ALL, {}, host);
    tree.writes.length = 0;
    const again = await prepareNvme(ALL, {}, host);
    expect(tree.writes).toEqual([]);
    expect(again.devices.filter((one) => one.ok)).toHaveLength(5);
  });

  test("a drive that somebody mounts after the plan was made is not touched", async () => {
    const { tree, host } = makeTree();
    const outcome = await prepareNvme(
      { ...ALL, allow: ["0000:17:00.0", "0000:19:00.0"] },
      {
        progress(step) {
          if (step.do === "clean-spdk") {
            fs.appendFileSync(
              tree.path("proc/self/mountinfo"),
              "99 1 259:0 / /late rw - ext4 /dev/nvme0n1 rw\n",
            );
          }
        },
      },
      host,
    );
    expect(outcome.devices[0]).toMatchObject({ ok: false, driver: "nvme" });
    expect(outcome.devices[0]!.detail).toContain("nvme0n1 is mounted at /late");
    expect(tree.driver("0000:17:00.0")).toBe("nvme");
    expect(tree.driver("0000:19:00.0")).toBe("vfio-pci");
  });

  test("a device that vanishes, and one the kernel refuses, do not keep the others back", async () => {
    const { tree, host } = makeTree();
    let refusals = 1;
    tree.beforeWrite = (file, text) => {
      const refuses = file.endsWith("drivers_probe") && text === "0000:19:00.0" && refusals-- > 0;
      if (refuses) throw new Error("EBUSY: device busy");
    };
    const outcome = await prepareNvme(
      { ...ALL, allow: ["0000:17:00.0", "0000:19:00.0", "0000:1a:00.0"] },
      {
        progress(step) {
          if (step.do === "clean-spdk") fs.rmSync(tree.path("sys/bus/pci/devices/0000:17:00.0"));
        },
      },
      host,
    );
    const result = (address: string) => outcome.devices.find((one) => one.address === address)!;
    expect(result("0000:17:00.0").detail).toContain("is gone");
    expect(result("0000:19:00.0").detail).toContain("EBUSY");
    expect(result("0000:1a:00.0").ok).toBe(true);
    expect(tree.read("sys/bus/pci/devices/0000:19:00.0/driver_override")).toBe("");
    // It has its old driver again.
    expect(tree.driver("0000:19:00.0")).toBe("nvme");
  });

  test("killed after any step and run again, it ends the same", async () => {
    const whole = makeTree();
    await prepareNvme(ALL, {}, whole.host);
    const addresses = [
      "0000:17:00.0",
      "0000:18:00.0",
      "0000:19:00.0",
      "0000:1a:00.0",
      "0000:98:00.0",
      "0000:d7:05.5",
    ];
    const expected = addresses.map((address) => whole.tree.driver(address));
    const count = whole.tree.writes.length;
    for (let survive = 0; survive < count; survive += 3) {
      const { tree, host } = makeTree();
      let left = survive;
      const dying: PrepareHost = {
        read: host.read,
        async apply(steps: readonly Step[]) {
          tree.beforeWrite = () => {
            if (left-- <= 0) throw new Error("killed");
          };
          return applySteps(steps, tree.applyHost);
        },
      };
      await prepareNvme(ALL, {}, dying);
      tree.beforeWrite = () => {};
      await prepareNvme(ALL, {}, host);
      expect(addresses.map((address) => tree.driver(address))).toEqual(expected);
    }
  });

  test("gives VFIO groups and huge pages to the target user", async () => {
    const { tree, host } = makeTree();
    const user = { name: "daos_server", uid: 986, gid: 985 };
    const outcome = await prepareNvme({ ...ALL, user, allow: ["0000:17:00.0"] }, {}, host);
    expect(outcome.problems).toEqual([]);
    expect([...tree.owners]).toEqual([
      ["dev/vfio/30", "986:985"],
      ["dev/hugepages", "986:985"],
    ]);
    expect(fs.statSync(tree.path("dev/hugepages")).mode & 0o020).toBe(0o020);
  });

  test("removes what dead SPDK processes left, and nothing else", async () => {
    const { tree, host } = makeTree();
    tree.addProcess(500, "daos_engine", "dev/null");
    for (const name of ["spdk_pid500map_0", "spdk_pid501map_0", "rtemap_1", "other"])
      tree.put("", "dev/hugepages", name);
    tree.put("", "run/dpdk/spdk_pid501/config");
    await prepareNvme(ALL, {}, host);
    expect(fs.readdirSync(tree.path("dev/hugepages")).sort()).toEqual([
      "other",
      "rtemap_1",
      "spdk_pid500map_0",
    ]);
    expect(fs.readdirSync(tree.path("run/dpdk"))).toEqual([]);
  });

  test("mounts huge pages where nobody has", async () => {
    const { tree, host } = makeTree({ hugetlbfs: false });
    await prepareNvme(ALL, {}, host);
    expect(tree.read("proc/self/mountinfo")).toContain("- hugetlbfs ");
  });
});

describe("resetting NVMe", () => {
  test("undoes prepare: every device has its own driver and disks again", async () => {
    const { tree, host } = makeTree();
    await prepareNvme(ALL, {}, host);
    const outcome = await resetNvme(NOTHING, {}, host);
    expect(outcome.problems).toEqual([]);
    const { controllers } = await readStorageHost(tree.roots);
    expect(controllers.map((one) => [one.address, one.driver])).toEqual([
      ["0000:17:00.0", "nvme"],
      ["0000:18:00.0", "nvme"],
      ["0000:19:00.0", "nvme"],
      ["0000:1a:00.0", "nvme"],
      ["0000:98:00.0", "nvme"],
      ["0000:d7:05.5", "vmd"],
      ["10000:01:00.0", "nvme"],
      ["10000:02:00.0", "nvme"],
      ["10000:03:00.0", "nvme"],
    ]);
    expect(controllers[0]!.blockDevices).toHaveLength(1);
  });

  test("gives huge pages back when told, but not those in use", async () => {
    const { tree, host } = makeTree();
    await prepareNvme({ ...ALL, allow: ["0000:17:00.0"] }, {}, host);
    const pages = "sys/devices/system/node/node0/hugepages/hugepages-2048kB";
    tree.put("1000", pages, "free_hugepages");
    await resetNvme({ ...NOTHING, releasePages: true }, {}, host);
    expect(tree.read(pages, "nr_hugepages")).toBe("24");
  });

  test("does not wait for ever for a device that an engine has open", async () => {
    const { tree, host } = makeTree();
    await prepareNvme({ ...ALL, allow: ["0000:17:00.0"] }, {}, host);
    tree.addProcess(4711, "daos_engine", "dev/vfio/30");
    const outcome = await resetNvme(NOTHING, {}, host);
    expect(outcome.devices[0]).toMatchObject({ ok: false, detail: "in use by process 4711 (daos_engine)" });
    expect(tree.driver("0000:17:00.0")).toBe("vfio-pci");
  });
});

describe("what flags and configuration ask for together", () => {
  const flags = { allow: "", block: "", hugePages: 0, user: ROOT, disableVfio: false };
  const config = () => ({ ...defaultServerConfig(), nrHugepages: 4096, bdevExclude: ["0000:18:00.0"] });
  test("the configuration fills in what flags leave open", () => {
    expect(prepareRequest(flags, config(), { iommu: true })).toMatchObject({
      block: ["0000:18:00.0"],
      hugePages: 4096,
      vmd: true,
      vmdNote: undefined,
    });
  });
  test("flags win", () => {
    const request = { ...flags, block: "0000:01:00.0", hugePages: 128 };
    expect(prepareRequest(request, config(), { iommu: true })).toMatchObject({
      block: ["0000:01:00.0"],
      hugePages: 128,
    });
  });
  test("VMD is off when configured so, without VFIO, or without an IOMMU", () => {
    const note = (...parameters: Parameters<typeof prepareRequest>) => prepareRequest(...parameters).vmdNote;
    expect(note(flags, { ...config(), disableVmd: true }, { iommu: true })).toContain(
      "disabled in config file",
    );
    expect(note({ ...flags, disableVfio: true }, undefined, { iommu: true })).toContain("VFIO disabled");
    expect(note(flags, undefined, { iommu: false })).toContain("IOMMU disabled");
  });
  test("who is not root needs VFIO and an IOMMU", () => {
    const user = { name: "daos_server", uid: 986, gid: 985 };
    const codeOf = (action: () => unknown) => {
      try {
        action();
      } catch (error) {
        return error instanceof Fault ? error.code : undefined;
      }
      return undefined;
    };
    expect(
      codeOf(() => prepareRequest({ ...flags, user, disableVfio: true }, undefined, { iommu: true })),
    ).toBe(310);
    expect(codeOf(() => prepareRequest({ ...flags, user }, undefined, { iommu: false }))).toBe(311);
  });
  test("disabled huge pages are an error", () => {
    expect(() => prepareRequest(flags, { ...config(), disableHugepages: true }, { iommu: true })).toThrow(
      "hugepage usage has been disabled",
    );
  });
  test("users are found by name", async () => {
    expect(await findUser("root")).toEqual(ROOT);
    expect((await findUser("daemon")).uid).toBe(1);
    await expect(findUser("no-such-user")).rejects.toThrow(`unknown user "no-such-user"`);
  });
});
