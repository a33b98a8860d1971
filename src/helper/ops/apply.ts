import { chmod, chown, mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { errorText } from "../../faults/fault.ts";
import { mount } from "../../ffi/mount.ts";
import { readBlockFacts } from "../pci/block.ts";
import { readController } from "../pci/devices.ts";
import { driverOf, readStorageHost } from "../pci/host.ts";
import { removeLeftovers, type SpdkFolders, spdkFolders } from "../pci/leftovers.ts";
import { type HostRoots, hostRoots, names, readInteger } from "../pci/roots.ts";
import { userSpaceFile } from "../pci/users.ts";
import type { BindableDriver, Step, StepResult } from "./requests.ts";

/** A driver takes a device on its own time (nvme resets it first). */
const BIND_TIMEOUT_MS = 10_000;
const BIND_POLL_MS = 20;
const MODPROBE_TIMEOUT_MS = 30_000;

/** Where huge pages are mounted when nobody has done so. */
const HUGETLBFS = "/dev/hugepages";

/** The host that steps are done to; tests give another. */
export interface ApplyHost {
  readonly roots: HostRoots;
  readonly folders: SpdkFolders;
  readonly loadModule: (module: string) => Promise<void>;
  readonly mountHugetlbfs: (folder: string) => Promise<void>;
  readonly chown: (file: string, uid: number, gid: number) => Promise<void>;
}

export const thisHost: ApplyHost = {
  roots: hostRoots,
  folders: spdkFolders,
  async loadModule(module) {
    const modprobe = Bun.which("modprobe") ?? "/sbin/modprobe";
    const child = Bun.spawn([modprobe, module], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: MODPROBE_TIMEOUT_MS,
    });
    const [stderr] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    if (child.exitCode !== 0) throw new Error(stderr.trim() || `modprobe ${module}: ${child.exitCode}`);
  },
  async mountHugetlbfs(folder) {
    await mkdir(folder, { recursive: true });
    mount("hugetlbfs", folder, "hugetlbfs", 0, "");
  },
  chown,
};

/** A step was not done, and nothing was changed by it. */
class NotDoneError extends Error {
  override readonly name = "NotDoneError";
}

/**
 * Does steps in their order and says of each what became of it. A step that fails does not stop those after
 * it: one busy device must not keep the others from being prepared.
 * @param progress told of each step when it is done.
 */
export async function applySteps(
  steps: readonly Step[],
  host: ApplyHost = thisHost,
  progress: (step: Step, result: StepResult) => void = () => {},
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const step of steps) {
    let result: StepResult;
    try {
      result = { done: true, ...(await applyStep(step, host)) };
    } catch (error) {
      result = { done: false, detail: errorText(error) };
    }
    results.push(result);
    progress(step, result);
  }
  return results;
}

function applyStep(step: Step, host: ApplyHost): Promise<Omit<StepResult, "done">> {
  const { roots } = host;
  switch (step.do) {
    case "load-module":
      return host.loadModule(step.module).then(() => ({ detail: `${step.module} loaded` }));
    case "bind":
      return bind(host, step.address, step.driver);
    case "own-vfio":
      return ownVfio(host, step.address, step.uid, step.gid);
    case "hugepages":
      return setPages(roots, step);
    case "mount-hugetlbfs":
      return host.mountHugetlbfs(HUGETLBFS).then(() => ({ detail: `hugetlbfs mounted at ${HUGETLBFS}` }));
    case "own-hugetlbfs":
      return ownHugetlbfs(host, step.uid, step.gid);
    case "clean-spdk":
      return cleanSpdk(host);
    case "rescan":
      return roots
        .write(path.join(roots.sys, "bus/pci/rescan"), "1")
        .then(() => ({ detail: "PCI bus scanned again" }));
  }
}

/**
 * Looks once more, now, whether a device may be taken: between plan and now somebody may have mounted it.
 * @throws NotDoneError
 */
async function refuseUsed({ roots }: ApplyHost, address: string): Promise<string | undefined> {
  const controller = await readController(roots, address, await readBlockFacts(roots));
  if (controller === undefined) throw new NotDoneError(`${address} is no NVMe or VMD controller, or is gone`);
  const uses = controller.blockDevices.flatMap((block) => block.uses);
  if (uses.length > 0) throw new NotDoneError(`${address}: ${uses.join(", ")}`);
  if (controller.kind === "vmd" && controller.driver === "vmd") {
    const host = await readStorageHost(roots);
    for (const behind of host.controllers.filter((one) => one.behindVmd === address)) {
      const used = behind.blockDevices.flatMap((block) => block.uses);
      if (used.length > 0) throw new NotDoneError(`${behind.address} behind ${address}: ${used.join(", ")}`);
    }
  }
  if (controller.heldBy !== undefined) throw new NotDoneError(`${address} is ${controller.heldBy}`);
  return controller.driver;
}

async function bind(host: ApplyHost, address: string, driver: BindableDriver): Promise<{ detail: string }> {
  const { roots } = host;
  const before = await driverOf(roots, address);
  const target = driver === "none" ? undefined : driver;
  if (before === target) return { detail: `${address} has ${before ?? "no driver"} already` };
  await refuseUsed(host, address);
  const device = path.join(roots.sys, "bus/pci/devices", address);
  const override = path.join(device, "driver_override");
  if (target !== undefined) {
    if (!(await names(path.join(roots.sys, "bus/pci/drivers"))).includes(target)) {
      throw new NotDoneError(`${address}: the kernel has no driver ${target}`);
    }
    await roots.write(override, target);
  }
  const probe = () => roots.write(path.join(roots.sys, "bus/pci/drivers_probe"), address);
  try {
    if (before !== undefined) await roots.write(path.join(device, "driver/unbind"), address);
    if (target !== undefined) {
      await probe();
      await driverArrives(roots, address, target);
    }
  } catch (error) {
    if (target !== undefined) await roots.write(override, "\n");
    // Better with its old driver than with none.
    if (before !== undefined && (await driverOf(roots, address)) === undefined) {
      await probe().catch((again: unknown) => {
        throw new Error(`${errorText(error)}; nor did it go back to ${before}: ${errorText(again)}`);
      });
    }
    throw error;
  }
  // An override that stays would keep the device from its own driver for ever, also for other tools.
  if (target !== undefined) await roots.write(override, "\n");
  return { detail: `${address} ${before ?? "no driver"} -> ${target ?? "no driver"}` };
}

async function driverArrives(roots: HostRoots, address: string, driver: string): Promise<void> {
  const deadline = performance.now() + BIND_TIMEOUT_MS;
  for (;;) {
    const now = await driverOf(roots, address);
    if (now === driver) return;
    if (performance.now() > deadline) {
      throw new Error(`${address} was not taken by ${driver} (it has ${now ?? "no driver"}); see dmesg`);
    }
    await Bun.sleep(BIND_POLL_MS);
  }
}

async function ownVfio(
  host: ApplyHost,
  address: string,
  uid: number,
  gid: number,
): Promise<{ detail: string }> {
  const file = await userSpaceFile(host.roots, address);
  if (file === undefined) throw new NotDoneError(`${address} is not bound to a user-space driver`);
  await host.chown(file, uid, gid);
  return { detail: `${file} belongs to ${uid}:${gid}` };
}

async function setPages(
  roots: HostRoots,
  step: Extract<Step, { do: "hugepages" }>,
): Promise<{ detail: string; count: number }> {
  const folder =
    step.node < 0
      ? path.join(roots.sys, "kernel/mm/hugepages")
      : path.join(roots.sys, "devices/system/node", `node${step.node}`, "hugepages");
  const file = path.join(folder, `hugepages-${step.pageSizeKib}kB`, "nr_hugepages");
  const before = await readInteger(file);
  if (before === undefined) {
    throw new NotDoneError(`NUMA node ${step.node} has no huge pages of ${step.pageSizeKib} KiB`);
  }
  if (before !== step.pages) await roots.write(file, String(step.pages));
  const count = (await readInteger(file)) ?? before;
  return { detail: `${before} -> ${count} pages of ${step.pageSizeKib} KiB`, count };
}

async function ownHugetlbfs(host: ApplyHost, uid: number, gid: number): Promise<{ detail: string }> {
  const { hugetlbfs } = await readStorageHost(host.roots);
  if (hugetlbfs.length === 0) throw new NotDoneError("no hugetlbfs is mounted");
  for (const point of hugetlbfs) {
    await host.chown(point, uid, gid);
    await chmod(point, ((await stat(point)).mode | 0o020) & 0o7777);
  }
  return { detail: `${hugetlbfs.join(", ")} belongs to ${uid}:${gid}` };
}

async function cleanSpdk(host: ApplyHost): Promise<{ detail: string; count: number }> {
  const count = await removeLeftovers(host.roots, host.folders);
  return { detail: `${count} left by processes that are gone`, count };
}
