import { shortageText } from "../../hardware/pci/pages.ts";
import {
  type PrepareRequest,
  planPrepare,
  planReset,
  type ResetRequest,
  type StoragePlan,
} from "../../hardware/pci/plan.ts";
import { askHelper } from "../../helper/ask.ts";
import { type HelperOptions, requestHelper } from "../../helper/client.ts";
import {
  type Step,
  type StepResult,
  stepResultSchema,
  stepResultsSchema,
} from "../../helper/ops/requests.ts";
import { readStorageHost, type StorageHost } from "../../helper/pci/host.ts";

/** Unbinding a busy controller and filling a terabyte with huge pages both take their time. */
const APPLY_TIMEOUT_MS = 600_000;

/** The host that storage is prepared on: looked at here, changed in the helper. Tests give another. */
export interface PrepareHost {
  read(): Promise<StorageHost>;
  apply(steps: readonly Step[], progress: (step: Step, result: StepResult) => void): Promise<StepResult[]>;
}

/** Progress of the helper, one line a step on stderr: `step {"step":"bind","done":true,"detail":"…"}`. */
function progressOf(line: string): StepResult | undefined {
  if (!line.startsWith("step {")) return undefined;
  try {
    const { step: _, ...result } = JSON.parse(line.slice("step ".length)) as Record<string, unknown>;
    return stepResultSchema.parse(result);
  } catch {
    return undefined; // a line of a library that looks alike
  }
}

/** This host, through the privileged helper. */
export function createPrepareHost(options: HelperOptions = {}): PrepareHost {
  return {
    read: () => readStorageHost(),
    apply(steps, progress) {
      let next = 0;
      return askHelper({ op: "storage-apply", steps: [...steps] }, stepResultsSchema, {
        timeoutMs: APPLY_TIMEOUT_MS,
        ...options,
        onLine(line) {
          const result = progressOf(line);
          const step = result === undefined ? undefined : steps[next++];
          if (result === undefined || step === undefined) options.onLine?.(line);
          else progress(step, result);
        },
      });
    },
  };
}

/** What became of one controller. */
export interface DeviceOutcome {
  readonly address: string;
  /** Driver it has now. */
  readonly driver: string | undefined;
  /** It is as it was asked for. */
  readonly ok: boolean;
  readonly detail: string;
}

/** What became of the huge pages of one NUMA node. */
export interface PagesOutcome {
  readonly node: number;
  readonly needed: number;
  readonly found: number;
  /** Why fewer were found, or "". */
  readonly why: string;
}

export interface PrepareOutcome {
  readonly plan: StoragePlan;
  readonly pageSizeKib: number;
  readonly devices: readonly DeviceOutcome[];
  readonly pages: readonly PagesOutcome[];
  /** What else went wrong, a line each. */
  readonly problems: readonly string[];
}

export interface PrepareOptions {
  /** Only plan. */
  readonly dryRun?: boolean;
  /** Told of each step when it is done. */
  readonly progress?: (step: Step, result: StepResult, done: number, total: number) => void;
}

async function carryOut(
  host: PrepareHost,
  plan: StoragePlan,
  pageSizeKib: number,
  options: PrepareOptions,
): Promise<PrepareOutcome> {
  let done = 0;
  const results = options.dryRun
    ? []
    : await host.apply(plan.steps, (step, result) => {
        done += 1;
        options.progress?.(step, result, done, plan.steps.length);
      });
  const binds = new Map<string, StepResult>();
  const counts = new Map<number, number>();
  const problems: string[] = [];
  for (const [index, step] of plan.steps.entries()) {
    const result = results[index];
    if (result === undefined) continue;
    if (step.do === "bind") binds.set(step.address, result);
    if (step.do === "hugepages" && result.count !== undefined) counts.set(step.node, result.count);
    if (!result.done && step.do !== "bind") problems.push(`${step.do}: ${result.detail}`);
  }
  return {
    plan,
    pageSizeKib,
    devices: plan.devices.map((device) => {
      const result = binds.get(device.address);
      if (device.decision !== "bind" || result === undefined) {
        const ok = device.decision === "keep";
        return { address: device.address, driver: device.driver, ok, detail: device.reason };
      }
      const driver = result.done ? device.to : device.driver;
      return { address: device.address, driver, ok: result.done, detail: result.detail };
    }),
    pages: plan.pages.map((pages) => {
      const found = counts.get(pages.node) ?? (options.dryRun ? pages.total : pages.target);
      const why = options.dryRun ? pages.warning : shortageText(pages, found, pageSizeKib);
      return { node: pages.node, needed: pages.needed, found, why };
    }),
    problems,
  };
}

/**
 * Hands controllers to user space and allocates huge pages, without SPDK's setup script. A device or a node
 * that fails does not keep the others from being prepared.
 * @throws Fault "dependency" 1 without a kernel driver for it, those of the helper.
 */
export async function prepareNvme(
  request: PrepareRequest,
  options: PrepareOptions = {},
  host = createPrepareHost(),
): Promise<PrepareOutcome> {
  const found = await host.read();
  return carryOut(host, planPrepare(found, request), found.pageSizeKib, options);
}

/** Gives controllers back to the kernel's drivers. */
export async function resetNvme(
  request: ResetRequest,
  options: PrepareOptions = {},
  host = createPrepareHost(),
): Promise<PrepareOutcome> {
  const found = await host.read();
  return carryOut(host, planReset(found, request), found.pageSizeKib, options);
}

/** Removes what a killed helper or engine has left: huge-page files, run folders. */
export async function sweepLeftovers(options: HelperOptions = {}): Promise<void> {
  await requestHelper({ op: "storage-apply", steps: [{ do: "clean-spdk" }] }, options);
}
