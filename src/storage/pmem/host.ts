import { z } from "zod";
import { findMount, readMounts } from "../../hardware/mounts.ts";
import { type PmemNamespace, readPmemNamespaces } from "../../hardware/pmem.ts";
import { askHelper, bigintText } from "../../helper/ask.ts";
import { type HelperOptions, requestHelper } from "../../helper/client.ts";
import type { PmemAction } from "./plan.ts";
import type { PmemHost } from "./run.ts";

/** Real modules answer slowly: seconds for each, and a goal over many of them takes minutes. */
const PMEM_TIMEOUT_MS = 300_000;

const moduleSchema = z.object({
  uid: z.string(),
  physicalId: z.int(),
  socketId: z.int(),
  controllerId: z.int(),
  channelId: z.int(),
  channelPosition: z.int(),
  capacityBytes: bigintText,
  partNumber: z.string(),
  firmwareRevision: z.string(),
  /** In the words of `ipmctl show -dimm`: "Healthy". */
  health: z.string(),
  /** "Disabled", "Unlocked", "Locked", "Frozen" … */
  security: z.string(),
});
export type PmemModule = z.output<typeof moduleSchema>;

const scanSchema = z.object({
  version: z.string(),
  modules: z.array(moduleSchema),
  regions: z.array(
    z.object({
      isetId: z.string(),
      type: z.string(),
      socketId: z.int(),
      capacityBytes: bigintText,
      freeBytes: bigintText,
      health: z.string(),
      modules: z.int(),
    }),
  ),
  goals: z.array(
    z.object({ uid: z.string(), socketId: z.int(), appDirectBytes: bigintText, status: z.int() }),
  ),
});
export type PmemScan = z.output<typeof scanSchema>;

const namespacesSchema = z.object({
  namespaces: z.array(
    z.object({
      name: z.string(),
      uuid: z.string(),
      blockDevice: z.string(),
      sizeBytes: bigintText,
      numaNode: z.int(),
    }),
  ),
  regions: z.array(
    z.object({
      name: z.string(),
      sizeBytes: bigintText,
      availableBytes: bigintText,
      numaNode: z.int(),
      isetId: z.string(),
      type: z.string(),
    }),
  ),
});

const firmwareSchema = z.object({
  activeVersion: z.string(),
  stagedVersion: z.string(),
  imageMaxSizeBytes: z.int(),
  updateStatus: z.enum(["unknown", "staged", "success", "failed"]),
});
export type PmemFirmware = z.output<typeof firmwareSchema>;

/** Modules, regions and goals, by libipmctl. @throws Fault 1 or 2 when it is missing or unusable, 208. */
export function scanPmem(options: HelperOptions = {}): Promise<PmemScan> {
  return askHelper({ op: "pmem-scan" }, scanSchema, { timeoutMs: PMEM_TIMEOUT_MS, ...options });
}

/** Firmware of one module by its UID. */
export function pmemFirmware(uid: string, options: HelperOptions = {}): Promise<PmemFirmware> {
  return askHelper({ op: "pmem-firmware", uid }, firmwareSchema, { timeoutMs: PMEM_TIMEOUT_MS, ...options });
}

/** Stages an image, which the next power cycle activates. */
export async function updatePmemFirmware(
  uid: string,
  path: string,
  options: HelperOptions = {},
): Promise<void> {
  await requestHelper(
    { op: "pmem-firmware-update", uid, path, force: true },
    { timeoutMs: PMEM_TIMEOUT_MS, ...options },
  );
}

/** Namespaces of a socket's NUMA node, or of all, as the kernel shows them. */
export async function namespacesOf(socketId?: number): Promise<PmemNamespace[]> {
  const all = await readPmemNamespaces();
  return all.filter((one) => socketId === undefined || one.numaNode === socketId);
}

/** The PMem of this host, through the helper. */
export function createPmemHost(options: HelperOptions = {}): PmemHost {
  const helper = { timeoutMs: PMEM_TIMEOUT_MS, ...options };
  const perform = async (action: PmemAction) => {
    switch (action.do) {
      case "delete-goals":
        return requestHelper({ op: "pmem-goal", action: "delete", socket: action.socketId }, helper);
      case "create-goal":
        return requestHelper({ op: "pmem-goal", action: "create", socket: action.socketId }, helper);
      case "create-namespace":
        return requestHelper(
          { op: "pmem-namespace-create", region: action.region, sizeBytes: Number(action.sizeBytes) },
          helper,
        );
      case "unmount": {
        const mount = findMount(await readMounts(), action.device);
        return mount === undefined
          ? undefined
          : requestHelper({ op: "unmount", target: mount.mountPoint }, helper);
      }
      case "destroy-namespace":
        return requestHelper({ op: "pmem-namespace-destroy", name: action.name }, helper);
    }
  };
  return {
    async observe() {
      const scan = await scanPmem(helper);
      // Without modules there is nothing to ask ndctl for, which may not even be installed then.
      if (scan.modules.length === 0) {
        return { moduleCount: 0, regions: [], kernelRegions: [], namespaces: [] };
      }
      const kernel = await askHelper({ op: "pmem-namespaces" }, namespacesSchema, helper);
      return {
        moduleCount: scan.modules.length,
        regions: scan.regions,
        kernelRegions: kernel.regions.filter((region) => region.type === "" || region.type === "pmem"),
        namespaces: kernel.namespaces,
      };
    },
    async perform(action) {
      await perform(action);
    },
  };
}
