import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ManagedInstance } from "../../engine/instance.ts";
import { readSuperblock } from "../../engine/superblock.ts";
import { errorText } from "../../faults/fault.ts";
import { ResponseStatus } from "../../gen/ctl/common_pb.ts";
import type { NvmeControllerResultSchema } from "../../gen/ctl/storage_nvme_pb.ts";
import type { StorageFormatReq, StorageFormatRespSchema } from "../../gen/ctl/storage_pb.ts";
import type { ScmMountResultSchema } from "../../gen/ctl/storage_scm_pb.ts";
import { readMemInfo } from "../../hardware/meminfo.ts";
import { checkMemoryForRamdisks } from "../../storage/memory-check.ts";
import { formatMetadata, metadataNeedsFormat } from "../../storage/metadata.ts";
import { roleBits } from "../../storage/roles.ts";
import type { ControlDeps } from "./deps.ts";
import { responseState } from "./response-state.ts";

type FormatResp = MessageInitShape<typeof StorageFormatRespSchema>;
type ScmResult = MessageInitShape<typeof ScmMountResultSchema>;
type BdevResult = MessageInitShape<typeof NvmeControllerResultSchema>;

/** Stands for "no device" in a result (2.6: NilBdevAddress). */
const NO_DEVICE = "<nil>";

/** What has become of one engine's storage in this request. */
interface Progress {
  readonly instance: ManagedInstance;
  readonly results: { scm: ScmResult; bdevs: BdevResult[] };
  /** Its storage is in use or failed: the rest is left alone. */
  ended: "" | "failed" | "untouched";
}

function skipped(instance: ManagedInstance, why: string): BdevResult {
  return {
    pciAddr: NO_DEVICE,
    state: responseState(
      undefined,
      ResponseStatus.CTL_SUCCESS,
      `NVMe format skipped on instance ${instance.index}, ${why}`,
    ),
  };
}

/** The memory tier is formatted. Says what is to become of the rest. */
async function keptTier(instance: ManagedInstance): Promise<Progress["ended"]> {
  const { storage } = instance;
  if ((await readSuperblock(storage.superblockPath)) !== undefined) return "untouched";
  // A format that was broken off is brought to its end. Where an engine has been, block devices belong to
  // what it left; as in 2.6 those are kept then.
  return (await storage.isFresh()) ? "" : "untouched";
}

/** True after `dmg system erase`. */
async function isErased({ storage }: ManagedInstance): Promise<boolean> {
  return (await storage.isErased()) && (await readSuperblock(storage.superblockPath)) === undefined;
}

async function formatScm(instance: ManagedInstance, reformat: boolean): Promise<Progress> {
  const { scm } = instance.storage;
  const base = { mntpoint: scm.mountPoint, instanceidx: instance.index };
  const done = (state: ScmResult["state"], ended: Progress["ended"]): Progress => ({
    instance,
    results: { scm: { ...base, state }, bdevs: [] },
    ended,
  });
  try {
    const mounted = !(await scm.needsFormat());
    // What is on a device shows only once that is mounted.
    if (mounted) await scm.mount();
    const force = reformat || (await isErased(instance));
    if (mounted && !force) {
      const state = responseState(undefined, ResponseStatus.CTL_SUCCESS, "SCM is already formatted");
      return done(state, await keptTier(instance));
    }
    await scm.format(force);
    return done(responseState(undefined, ResponseStatus.CTL_SUCCESS), "");
  } catch (error) {
    return done(responseState(error, ResponseStatus.CTL_ERR_SCM), "failed");
  }
}

async function formatBdevs(progress: Progress): Promise<void> {
  const { instance, results } = progress;
  for (const { device, roles, error } of await instance.storage.formatBdevs()) {
    if (error !== undefined) progress.ended = "failed";
    const state = responseState(error, ResponseStatus.CTL_ERR_NVME);
    results.bdevs.push({ pciAddr: device, state, roleBits: roleBits(roles) });
  }
}

/** Asked after a step that may have changed it. */
function hasFailed(progress: Progress): boolean {
  return progress.ended === "failed";
}

/** Block devices, daos_nvme.conf and, last, the superblock: with it the storage counts as formatted. */
async function finishFormat(deps: ControlDeps, progress: Progress): Promise<void> {
  const { instance, results } = progress;
  if (progress.ended === "failed") {
    results.bdevs.push(skipped(instance, "SCM format failed"));
    return;
  }
  if (deps.config.disableHugepages) {
    results.bdevs.push(skipped(instance, "use of hugepages disabled in config"));
  } else if (progress.ended === "untouched") {
    results.bdevs.push(skipped(instance, "SCM was not formatted"));
  }
  try {
    const formatted = (await readSuperblock(instance.storage.superblockPath)) !== undefined;
    if (progress.ended === "untouched" && formatted) return;
    if (progress.ended === "" && !deps.config.disableHugepages) await formatBdevs(progress);
    if (hasFailed(progress)) return;
    await instance.storage.writeNvmeConf();
    await instance.ensureSuperblock();
    await instance.storage.clearErased();
  } catch (error) {
    progress.ended = "failed";
    const state = responseState(error, ResponseStatus.CTL_ERR_NVME);
    results.bdevs.push({ pciAddr: NO_DEVICE, state });
  }
}

/** Engines that run on storage that is to be made anew are ended, and started again once it is. */
async function stopForReformat(deps: ControlDeps): Promise<ManagedInstance[]> {
  const running = deps.harness.instances.filter((instance) => instance.isStarted());
  for (const instance of running) {
    deps.log.info(`forcibly stopping instance ${instance.index} prior to reformat`);
    instance.stop("SIGKILL");
  }
  await Promise.all(running.map((instance) => instance.waitFor((self) => !self.isStarted())));
  return running;
}

async function checkMemory(deps: ControlDeps): Promise<void> {
  if (deps.scmAsFolder) return;
  const tiers = deps.harness.instances.map((instance) => instance.storage.scm);
  const needing = await Promise.all(tiers.map((tier) => tier.needsFormat()));
  if (tiers[0]?.class !== "ram" || needing.includes(false)) return;
  const total = tiers.reduce((sum, tier) => sum + (tier.sizeBytes ?? 0n), 0n);
  checkMemoryForRamdisks(total, await readMemInfo());
}

async function format(deps: ControlDeps, reformat: boolean): Promise<FormatResp> {
  const { instances } = deps.harness;
  if (instances.length === 0) return {};
  const stopped = reformat ? await stopForReformat(deps) : [];
  const resume = reformat ? await deps.beforeReformat() : undefined;
  const { controlMetadata } = deps.config;
  if (reformat || (await metadataNeedsFormat(controlMetadata))) {
    await formatMetadata(
      controlMetadata,
      instances.map((instance) => instance.index),
    );
  }
  await checkMemory(deps);
  const all = await Promise.all(instances.map((instance) => formatScm(instance, reformat)));
  // After every memory tier: block devices may be shared between engines of a host.
  for (const progress of all) await finishFormat(deps, progress);
  await resume?.();
  for (const { instance, ended } of all) {
    if (ended === "failed") {
      deps.log.error(
        `instance ${instance.index}: failure formatting storage, check RPC response for details`,
      );
    } else if (stopped.includes(instance)) {
      instance.start();
    } else {
      instance.storageReady();
    }
  }
  return {
    mrets: all.map((progress) => progress.results.scm),
    crets: all.flatMap((progress) => progress.results.bdevs),
  };
}

/**
 * Formats what needs it; with `reformat` everything. Answered only when the storage would survive a crash of
 * the server: the superblocks are written then. One format at a time; a second waits for the first.
 */
export function createStorageFormat(
  deps: ControlDeps,
): (request: Pick<StorageFormatReq, "reformat">) => Promise<FormatResp> {
  let last: Promise<unknown> = Promise.resolve();
  return (request) => {
    const mine = last.then(() => format(deps, request.reformat));
    last = mine.catch((error: unknown) => deps.log.error(`storage format: ${errorText(error)}`));
    return mine;
  };
}
