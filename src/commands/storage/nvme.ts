import { isatty } from "node:tty";
import type { ServerConfig } from "../../config/types.ts";
import { errorText, isFault } from "../../faults/fault.ts";
import { faultNoHardwareAccess } from "../../faults/library.ts";
import { deviceLine, pagesLine, planText } from "../../hardware/pci/describe.ts";
import { parseAddressList } from "../../hardware/pci/select.ts";
import { readStorageHost } from "../../helper/pci/host.ts";
import { spdkRelease } from "../../storage/nvme-host.ts";
import { type HostNvme, scanHostNvme } from "../../storage/nvme-scan.ts";
import { configuredControllers, findUser, prepareRequest } from "../../storage/prepare/request.ts";
import {
  createPrepareHost,
  type PrepareOptions,
  type PrepareOutcome,
  prepareNvme,
  resetNvme,
} from "../../storage/prepare/run.ts";
import type { Json } from "../../ui/json.ts";
import { flag, helperOptions, optionalConfig, text, wholeNumber } from "./options.ts";

type Args = Readonly<Record<string, unknown>>;

/** Says what happens while it happens; silent in JSON and where nobody looks. */
function progress(args: Args): PrepareOptions["progress"] {
  if (flag(args, "json") || !isatty(2)) return undefined;
  return (_step, result, done, total) => {
    process.stderr.write(`[${done}/${total}] ${result.done ? "" : "FAILED "}${result.detail}\n`);
  };
}

/** Writing to sysfs takes root; to say so at once is better than sixty failed steps. */
function needRoot(what: string): void {
  if (process.geteuid?.() !== 0) throw faultNoHardwareAccess(what, "must be run with root privileges");
}

/** Hands NVMe devices to user space as the options and the configuration say. */
export async function nvmePrepare(args: Args, config?: ServerConfig): Promise<PrepareOutcome> {
  const dryRun = flag(args, "dry-run");
  if (!dryRun) needRoot("preparing NVMe devices");
  const host = createPrepareHost(helperOptions(args));
  const request = prepareRequest(
    {
      allow: text(args, "pci-allow-list"),
      block: text(args, "pci-block-list"),
      hugePages: wholeNumber(args, "hugepages") ?? 0,
      user: await findUser(text(args, "target-user")),
      disableVfio: flag(args, "disable-vfio"),
    },
    config ?? (await optionalConfig(args)),
    await host.read(),
  );
  if (request.vmdNote !== undefined && !flag(args, "json")) console.log(request.vmdNote);
  return prepareNvme(request, { dryRun, progress: progress(args) }, host);
}

/** Gives NVMe devices back to the kernel. */
export async function nvmeReset(args: Args, config?: ServerConfig): Promise<PrepareOutcome> {
  const dryRun = flag(args, "dry-run");
  if (!dryRun) needRoot("resetting NVMe devices");
  const found = config ?? (await optionalConfig(args));
  const named = parseAddressList(text(args, "pci-allow-list"));
  const blocked = parseAddressList(text(args, "pci-block-list"));
  return resetNvme(
    {
      allow: named.length > 0 ? named : configuredControllers(found),
      block: blocked.length > 0 ? blocked : parseAddressList((found?.bdevExclude ?? []).join(" ")),
      releasePages: flag(args, "release-hugepages"),
    },
    { dryRun, progress: progress(args) },
    createPrepareHost(helperOptions(args)),
  );
}

/** What a prepare or reset did, for people. */
export function outcomeText(outcome: PrepareOutcome, dryRun: boolean): string {
  if (dryRun) return planText(outcome.plan, outcome.pageSizeKib);
  const lines = outcome.plan.devices.map((device, index) => {
    const result = outcome.devices[index];
    if (device.decision !== "bind" || result?.ok) return deviceLine(device);
    return `${device.address}  FAILED: ${result?.detail ?? "not done"}`;
  });
  if (lines.length === 0) lines.push("No NVMe devices found");
  for (const address of outcome.plan.absent) lines.push(`${address}  is not on this host`);
  for (const [index, plan] of outcome.plan.pages.entries()) {
    const found = outcome.pages[index]?.found ?? plan.target;
    const node = plan.node < 0 ? "host" : `NUMA node ${plan.node}`;
    const why = outcome.pages[index]?.why ?? "";
    lines.push(
      plan.needed === 0
        ? pagesLine(plan, outcome.pageSizeKib)
        : `${node}: ${plan.needed} huge pages of ${outcome.pageSizeKib} KiB needed, ${found} there${why === "" ? "" : `: ${why}`}`,
    );
  }
  return lines.join("\n");
}

export function outcomeDocument(outcome: PrepareOutcome): Json {
  return {
    driver: outcome.plan.driver ?? null,
    devices: outcome.plan.devices.map((device, index) => ({
      pci_addr: device.address,
      kind: device.kind,
      numa_node: device.numaNode,
      decision: device.decision,
      driver: outcome.devices[index]?.driver ?? null,
      ok: outcome.devices[index]?.ok ?? false,
      detail: outcome.devices[index]?.detail ?? "",
    })),
    absent: outcome.plan.absent,
    hugepages: outcome.pages.map(({ node, needed, found, why }) => ({ numa_node: node, needed, found, why })),
    hugepage_size_kb: outcome.pageSizeKib,
    steps: outcome.plan.steps.map((step) => ({ ...step })),
  };
}

/** The error of an outcome that is not what was asked for, or undefined. A dry run has none. */
export function outcomeError(outcome: PrepareOutcome, action: string): Error | undefined {
  const problems = [...outcome.problems];
  for (const [index, device] of outcome.plan.devices.entries()) {
    const result = outcome.devices[index];
    if (device.decision === "bind" && result !== undefined && !result.ok) problems.push(result.detail);
  }
  for (const { node, why } of outcome.pages) {
    if (why !== "") problems.push(`${node < 0 ? "host" : `NUMA node ${node}`}: ${why}`);
  }
  return problems.length === 0 ? undefined : new Error(`${action}: ${problems.join("; ")}`);
}

/**
 * Scans NVMe devices as 2.6 does: hands them over, asks SPDK, gives them back. Without SPDK on the host nothing
 * is handed over and the kernel is asked.
 */
export async function nvmeScan(args: Args): Promise<HostNvme> {
  const config = await optionalConfig(args);
  const helper = helperOptions(args);
  const allow = configuredControllers(config);
  const selection = { allow, vmd: !flag(args, "disable-vmd") && !(config?.disableVmd ?? false) };
  if (flag(args, "skip-prep") || process.geteuid?.() !== 0) return scanHostNvme(selection, helper);
  try {
    await spdkRelease(helper);
  } catch (error) {
    if (!isFault(error)) throw error;
    const scan = await scanHostNvme(selection, helper);
    return { ...scan, notes: [`${errorText(error)}; this is what the kernel knows`, ...scan.notes] };
  }
  // What was handed over before stays so: only what this scan took goes back.
  const before = await readStorageHost();
  const outcome = await nvmePrepare({ ...args, "pci-allow-list": allow.join(","), json: true }, config);
  const failure = outcomeError(
    outcome,
    "nvme prep before scan failed, try with --skip-prep after manual nvme prepare",
  );
  const taken = outcome.plan.devices
    .filter((device, index) => device.decision === "bind" && outcome.devices[index]?.ok === true)
    .map((device) => device.address)
    .filter((address) =>
      before.controllers.some((one) => one.address === address && one.driver !== undefined),
    );
  try {
    const scan = await scanHostNvme(selection, helper);
    return failure === undefined ? scan : { ...scan, notes: [failure.message, ...scan.notes] };
  } finally {
    if (taken.length > 0) {
      await resetNvme({ allow: taken, block: [], releasePages: false }, {}, createPrepareHost(helper));
    }
  }
}
