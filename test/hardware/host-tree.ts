import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ApplyHost } from "../../src/helper/ops/apply.ts";
import type { HostRoots } from "../../src/helper/pci/roots.ts";

/** A controller of a recorded host. */
export interface TreeController {
  readonly address: string;
  readonly kind: "nvme" | "vmd" | "other";
  readonly numaNode: number;
  readonly iommuGroup?: number;
  readonly driver?: string;
  /** Address of the VMD it is behind. */
  readonly behind?: string;
  /** Disk that the nvme driver makes of it; the number is its instance and its device minor. */
  readonly disk?: number;
  readonly partitions?: number;
}

export interface TreeOptions {
  readonly controllers?: readonly TreeController[];
  readonly iommu?: boolean;
  readonly mountinfo?: string;
  readonly swaps?: string;
  readonly hugetlbfs?: boolean;
  /** Pages that each node can give. */
  readonly pageLimit?: number;
  readonly modules?: readonly string[];
  readonly nodes?: number;
  /** VT-d capability register of the IOMMU, hex. */
  readonly iommuCap?: string;
}

/**
 * A server with two sockets as sysfs shows it: four NVMe drives on each, three of the second behind a VMD, one
 * with the system on it, and an Ethernet controller.
 */
export const TWO_SOCKETS: readonly TreeController[] = [
  { address: "0000:17:00.0", kind: "nvme", numaNode: 0, iommuGroup: 30, driver: "nvme", disk: 0 },
  {
    address: "0000:18:00.0",
    kind: "nvme",
    numaNode: 0,
    iommuGroup: 31,
    driver: "nvme",
    disk: 1,
    partitions: 2,
  },
  { address: "0000:19:00.0", kind: "nvme", numaNode: 0, iommuGroup: 32, driver: "nvme", disk: 2 },
  { address: "0000:1a:00.0", kind: "nvme", numaNode: 0, iommuGroup: 33, driver: "nvme", disk: 3 },
  { address: "0000:3d:00.0", kind: "other", numaNode: 0, iommuGroup: 34, driver: "ixgbe" },
  { address: "0000:98:00.0", kind: "nvme", numaNode: 1, iommuGroup: 60, driver: "nvme", disk: 4 },
  { address: "0000:d7:05.5", kind: "vmd", numaNode: 1, iommuGroup: 70, driver: "vmd" },
  { address: "10000:01:00.0", kind: "nvme", numaNode: 1, driver: "nvme", behind: "0000:d7:05.5", disk: 5 },
  { address: "10000:02:00.0", kind: "nvme", numaNode: 1, driver: "nvme", behind: "0000:d7:05.5", disk: 6 },
  { address: "10000:03:00.0", kind: "nvme", numaNode: 1, driver: "nvme", behind: "0000:d7:05.5", disk: 7 },
];

const IDS = {
  nvme: { class: "0x010802", vendor: "0x8086", device: "0x0b60" },
  vmd: { class: "0x010400", vendor: "0x8086", device: "0x28c0" },
  other: { class: "0x020000", vendor: "0x8086", device: "0x1563" },
} as const;

const OWN_DRIVER = { nvme: "nvme", vmd: "vmd", other: "ixgbe" } as const;
const MODULES = ["nvme", "vmd", "vfio-pci", "vfio_iommu_type1", "uio_pci_generic", "msr"];

/** A recorded host in a temporary folder, with a kernel that reacts to what is written there. */
export class HostTree {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-host-"));
  readonly writes: string[] = [];
  readonly owners = new Map<string, string>();
  readonly loaded: string[] = [];
  /** Called before each write; a test lets things happen in between, or throws. */
  beforeWrite: (file: string, text: string) => void = () => {};
  readonly #controllers: readonly TreeController[];

  constructor(readonly options: TreeOptions = {}) {
    this.#controllers = options.controllers ?? TWO_SOCKETS;
    this.#build();
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  path(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  get roots(): HostRoots {
    return {
      sys: this.path("sys"),
      proc: this.path("proc"),
      dev: this.path("dev"),
      write: async (file, text) => this.#write(file, text),
    };
  }

  get applyHost(): ApplyHost {
    return {
      roots: this.roots,
      folders: {
        run: this.path("run/dpdk"),
        hugePages: [this.path("dev/hugepages")],
        locks: this.path("var/tmp"),
      },
      loadModule: async (module) => {
        this.loaded.push(module);
        this.#makeFolder("sys/module", module.replaceAll("-", "_"));
        this.#makeFolder("sys/bus/pci/drivers", module);
      },
      mountHugetlbfs: async () => {
        this.#makeFolder("dev/hugepages");
        fs.appendFileSync(this.path("proc/self/mountinfo"), this.#hugetlbfsLine());
      },
      chown: async (file, uid, gid) => {
        this.owners.set(path.relative(this.folder, file), `${uid}:${gid}`);
      },
    };
  }

  driver(address: string): string | undefined {
    try {
      return path.basename(fs.readlinkSync(this.path("sys/bus/pci/devices", address, "driver")));
    } catch {
      return undefined;
    }
  }

  read(...parts: string[]): string {
    return fs.readFileSync(this.path(...parts), "utf8").trim();
  }

  put(text: string, ...parts: string[]): void {
    const file = this.path(...parts);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, `${text}\n`);
  }

  /** A process that has a file open. */
  addProcess(pid: number, command: string, openFile: string): void {
    this.put(command, "proc", String(pid), "comm");
    this.#makeFolder("proc", String(pid), "fd");
    fs.symlinkSync(this.path(openFile), this.path("proc", String(pid), "fd/7"));
  }

  #makeFolder(...parts: string[]): void {
    fs.mkdirSync(this.path(...parts), { recursive: true });
  }

  #hugetlbfsLine(): string {
    return `36 25 0:33 / ${this.path("dev/hugepages")} rw - hugetlbfs hugetlbfs rw,pagesize=2M\n`;
  }

  #link(target: string, ...parts: string[]): void {
    fs.mkdirSync(path.dirname(this.path(...parts)), { recursive: true });
    fs.rmSync(this.path(...parts), { force: true });
    fs.symlinkSync(this.path(target), this.path(...parts));
  }

  #build(): void {
    const { iommu = true, nodes = 2, hugetlbfs = true, modules = ["nvme", "vmd"] } = this.options;
    for (const folder of ["sys/kernel/iommu_groups", "sys/class/block", "sys/bus/pci/devices", "dev/vfio"])
      this.#makeFolder(folder);
    for (const module of modules) {
      this.#makeFolder("sys/module", module.replaceAll("-", "_"));
      this.#makeFolder("sys/bus/pci/drivers", module);
    }
    this.put("6.1.0-test", "proc/sys/kernel/osrelease");
    this.put(
      MODULES.map((name) => `kernel/drivers/${name}.ko:`).join("\n"),
      "lib/modules/6.1.0-test/modules.dep",
    );
    this.put("MemFree: 200000000 kB\nHugepagesize:       2048 kB", "proc/meminfo");
    this.put(`Filename Type Size Used Priority\n${this.options.swaps ?? ""}`, "proc/swaps");
    this.put(
      `${this.options.mountinfo ?? ""}${hugetlbfs ? this.#hugetlbfsLine() : ""}`,
      "proc/self/mountinfo",
    );
    if (hugetlbfs) this.#makeFolder("dev/hugepages");
    if (this.options.iommuCap !== undefined) {
      this.put(this.options.iommuCap, "sys/class/iommu/dmar0/intel-iommu/cap");
    }
    for (let node = 0; node < nodes; node += 1) {
      const folder = `sys/devices/system/node/node${node}`;
      this.put(`Node ${node} MemFree:       100000000 kB`, folder, "meminfo");
      this.put("0", folder, "hugepages/hugepages-2048kB/nr_hugepages");
      this.put("0", folder, "hugepages/hugepages-2048kB/free_hugepages");
    }
    if (nodes === 0) {
      this.put("0", "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
      this.put("0", "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    }
    for (const controller of this.#controllers) {
      if (controller.behind === undefined) this.#addDevice(controller, iommu);
    }
  }

  #realPath({ address, behind }: TreeController): string {
    const root = `sys/devices/pci${address.slice(0, address.lastIndexOf(":"))}`;
    if (behind === undefined) return path.join(root, address);
    return path.join(
      `sys/devices/pci${behind.slice(0, behind.lastIndexOf(":"))}`,
      behind,
      "pci10000:00",
      address,
    );
  }

  #addDevice(controller: TreeController, iommu = this.options.iommu ?? true): void {
    const real = this.#realPath(controller);
    const ids = IDS[controller.kind];
    for (const [name, text] of Object.entries(ids)) this.put(text, real, name);
    this.put(String(controller.numaNode), real, "numa_node");
    this.put("(null)", real, "driver_override");
    this.#link(real, "sys/bus/pci/devices", controller.address);
    if (iommu && controller.iommuGroup !== undefined) {
      const group = `sys/kernel/iommu_groups/${controller.iommuGroup}`;
      this.#link(real, group, "devices", controller.address);
      this.#link(group, real, "iommu_group");
    }
    if (controller.driver !== undefined) this.#bind(controller, controller.driver);
  }

  #bind(controller: TreeController, driver: string): void {
    const real = this.#realPath(controller);
    this.#makeFolder("sys/bus/pci/drivers", driver);
    this.#link(`sys/bus/pci/drivers/${driver}`, real, "driver");
    if (driver === "nvme" && controller.disk !== undefined) this.#addDisk(controller);
    if (driver === "vfio-pci" && controller.iommuGroup !== undefined) {
      this.put("", "dev/vfio", String(controller.iommuGroup));
    }
    if (driver === "vmd") {
      for (const child of this.#controllers) if (child.behind === controller.address) this.#addDevice(child);
    }
  }

  #addDisk(controller: TreeController): void {
    const disk = `nvme${controller.disk}n1`;
    const real = path.join(this.#realPath(controller), "nvme", `nvme${controller.disk}`, disk);
    this.put(`259:${(controller.disk ?? 0) * 10}`, real, "dev");
    this.put("7501476528", real, "size");
    for (let part = 1; part <= (controller.partitions ?? 0); part += 1) {
      this.put(String(part), real, `${disk}p${part}`, "partition");
      this.put(`259:${(controller.disk ?? 0) * 10 + part}`, real, `${disk}p${part}`, "dev");
    }
    this.#link(real, "sys/class/block", disk);
  }

  #unbind(controller: TreeController): void {
    const real = this.#realPath(controller);
    fs.rmSync(this.path(real, "driver"), { force: true });
    fs.rmSync(this.path(real, "nvme"), { recursive: true, force: true });
    if (controller.disk !== undefined)
      fs.rmSync(this.path("sys/class/block", `nvme${controller.disk}n1`), { force: true });
    if (controller.iommuGroup !== undefined) {
      fs.rmSync(this.path("dev/vfio", String(controller.iommuGroup)), { force: true });
    }
    for (const child of this.#controllers) {
      if (child.behind !== controller.address) continue;
      this.#unbind(child);
      fs.rmSync(this.path("sys/bus/pci/devices", child.address), { force: true });
    }
  }

  #probe(address: string): void {
    const controller = this.#controllers.find((one) => one.address === address);
    if (controller === undefined) throw new Error(`ENODEV ${address}`);
    const override = this.read(this.#realPath(controller), "driver_override");
    const driver = override === "" || override === "(null)" ? OWN_DRIVER[controller.kind] : override;
    this.#bind(controller, driver);
  }

  #write(file: string, text: string): void {
    const name = path.relative(this.folder, file);
    this.beforeWrite(name, text);
    this.writes.push(`${text.trim()} > ${name}`);
    const parts = name.split(path.sep);
    const last = parts.at(-1);
    if (last === "unbind") {
      const controller = this.#controllers.find((one) => one.address === text);
      if (controller === undefined) throw new Error("ENODEV");
      this.#unbind(controller);
    } else if (last === "drivers_probe") {
      this.#probe(text);
    } else if (last === "nr_hugepages") {
      const pages = Math.min(Number(text), this.options.pageLimit ?? Number.POSITIVE_INFINITY);
      fs.writeFileSync(file, `${pages}\n`);
      fs.writeFileSync(path.join(path.dirname(file), "free_hugepages"), `${pages}\n`);
    } else if (last === "rescan") {
      for (const one of this.#controllers) {
        if (
          fs.existsSync(this.path("sys/bus/pci/devices", one.address)) &&
          this.driver(one.address) === undefined
        )
          this.#probe(one.address);
      }
    } else if (last === "driver_override") {
      fs.writeFileSync(file, `${text.trim()}\n`);
    } else {
      throw new Error(`EACCES ${name}`);
    }
  }
}
