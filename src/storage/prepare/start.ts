import type { ServerConfig } from "../../config/types.ts";
import { errorText, Fault } from "../../faults/fault.ts";
import { deviceLine } from "../../hardware/pci/describe.ts";
import { readStorageHost } from "../../helper/pci/host.ts";
import type { Logger } from "../../log/logger.ts";
import { configuredControllers, findUser, prepareRequest } from "./request.ts";
import { type PrepareOutcome, prepareNvme } from "./run.ts";

/**
 * Hands devices to user space for this process, as the configuration says; huge pages stay as they are.
 * @param allow addresses, "" for those of the configured engines.
 */
export async function prepareListed(
  config: ServerConfig,
  allow: string,
): Promise<PrepareOutcome & { readonly vmdNote: string | undefined; readonly allow: readonly string[] }> {
  const flags = { allow, block: "", hugePages: 0, disableVfio: false, user: await findUser("") };
  const request = prepareRequest(flags, config, await readStorageHost());
  const outcome = await prepareNvme({ ...request, hugePages: "keep" });
  return { ...outcome, vmdNote: request.vmdNote, allow: request.allow };
}

/**
 * Hands the NVMe devices of the configured engines to user space when a server starts, as 2.6 does, and removes
 * what dead engines and helpers have left of huge pages. What fails is told, not fatal: the engine that needs
 * the device says so again.
 */
export async function prepareConfiguredNvme(config: ServerConfig, log: Logger): Promise<void> {
  const wanted = configuredControllers(config);
  if (wanted.length === 0 || config.disableHugepages) return;
  if (process.geteuid?.() !== 0) {
    log.debug("NVMe devices are not prepared: that takes root; run 'daos_server nvme prepare' before");
    return;
  }
  try {
    const outcome = await prepareListed(config, "");
    if (outcome.vmdNote !== undefined) log.debug(outcome.vmdNote);
    for (const [index, device] of outcome.plan.devices.entries()) {
      if (!wanted.includes(device.address) && device.decision === "skip") continue;
      const result = outcome.devices[index];
      if (result?.ok) log.info(`NVMe ${deviceLine(device)}`);
      else log.error(`NVMe ${device.address} is not prepared: ${result?.detail ?? device.reason}`);
    }
    for (const address of outcome.plan.absent) log.error(`NVMe ${address} is not on this host`);
    for (const problem of outcome.problems) log.notice(`preparing NVMe: ${problem}`);
  } catch (error) {
    const advice = error instanceof Fault && error.resolution !== "" ? ` (${error.resolution})` : "";
    log.error(`preparing NVMe: ${errorText(error)}${advice}`);
  }
}
