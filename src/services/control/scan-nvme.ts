import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import type { ManagedInstance } from "../../engine/instance.ts";
import { daosStatusError } from "../../faults/daos-status.ts";
import { errorText } from "../../faults/fault.ts";
import { ResponseStatus } from "../../gen/ctl/common_pb.ts";
import {
  BioHealthReqSchema,
  type BioHealthResp,
  BioHealthRespSchema,
  type NvmeController,
  type NvmeControllerSchema,
  NvmeDevState,
  type SmdDevice,
  type SmdDeviceSchema,
  SmdDevReqSchema,
  SmdDevRespSchema,
} from "../../gen/ctl/smd_pb.ts";
import type { ScanNvmeReq, ScanNvmeRespSchema } from "../../gen/ctl/storage_nvme_pb.ts";
import { scanHostNvme } from "../../storage/nvme-scan.ts";
import { BdevRoleBit } from "../../storage/roles.ts";
import type { CallContext } from "../method.ts";
import type { ControlDeps } from "./deps.ts";
import { responseState } from "./response-state.ts";
import { rdbBytes, usableScmBytes } from "./scan-scm.ts";

/** Plain data, never messages: they are put together and trimmed field by field. */
export type SmdDeviceInit = Exclude<MessageInitShape<typeof SmdDeviceSchema>, { $typeName: string }>;
export type NvmeControllerInit = Omit<
  Exclude<MessageInitShape<typeof NvmeControllerSchema>, { $typeName: string }>,
  "smdDevices"
> & { smdDevices?: SmdDeviceInit[] };
type ScanNvmeResp = MessageInitShape<typeof ScanNvmeRespSchema>;

/** The devices an engine uses. @throws DaosStatusError when it answers a status. */
export async function listSmdDevices(instance: ManagedInstance, signal: AbortSignal): Promise<SmdDevice[]> {
  const body = toBinary(SmdDevReqSchema, create(SmdDevReqSchema));
  const answer = await instance.callDrpc(MgmtMethod.SMD_LIST_DEVS, body, { signal });
  const { status, devices } = fromBinary(SmdDevRespSchema, answer);
  if (status !== 0) throw daosStatusError(status);
  return devices;
}

/** Health and space of one device, as the engine knows them. */
export async function bioHealth(
  instance: ManagedInstance,
  request: MessageInitShape<typeof BioHealthReqSchema>,
  signal: AbortSignal,
): Promise<BioHealthResp> {
  const body = toBinary(BioHealthReqSchema, create(BioHealthReqSchema, request));
  const answer = await instance.callDrpc(MgmtMethod.BIO_HEALTH_QUERY, body, { signal });
  const health = fromBinary(BioHealthRespSchema, answer);
  if (health.status !== 0) throw daosStatusError(health.status);
  return health;
}

/** An engine knows the health only of devices that are there; an unplugged one has none. */
export function hasHealth(controller: NvmeController): boolean {
  return controller.devState !== NvmeDevState.UNKNOWN && controller.devState !== NvmeDevState.UNPLUGGED;
}

interface EngineScan {
  readonly instance: ManagedInstance;
  readonly metaBytes: bigint;
  readonly rdbBytes: bigint;
}

/** Sizes that the engine needs to tell how large its write-ahead logs will be. */
async function metadataSizes(instance: ManagedInstance): Promise<EngineScan> {
  const { availBytes } = await instance.storage.scm.usage();
  return {
    instance,
    metaBytes: usableScmBytes(instance, availBytes) / BigInt(instance.config.targets),
    rdbBytes: rdbBytes(instance),
  };
}

async function scanEngine(
  deps: ControlDeps,
  instance: ManagedInstance,
  request: ScanNvmeReq,
  context: CallContext,
): Promise<NvmeControllerInit[]> {
  if (!instance.isStarted()) {
    if (request.Meta) throw new Error("meta smd usage info unavailable as engine stopped");
    return [];
  }
  await instance.waitFor((self) => self.isReady() || !self.isStarted(), context.signal);
  const sizes = request.Meta ? await metadataSizes(instance) : { instance, metaBytes: 0n, rdbBytes: 0n };
  const controllers = new Map<string, { controller: NvmeControllerInit; smdDevices: SmdDeviceInit[] }>();
  for (const device of await listSmdDevices(instance, context.signal)) {
    const { ctrlr } = device;
    if (ctrlr === undefined) throw new Error(`smd "${device.uuid}" has no ctrlr ref`);
    // Files and kernel devices have no PCI address: each stands for itself.
    const key = ctrlr.pciAddr === "" ? device.uuid : ctrlr.pciAddr;
    let entry = controllers.get(key);
    if (entry === undefined) {
      const { $typeName: _, $unknown: __, smdDevices: ___, healthStats: ____, ...plain } = ctrlr;
      entry = { controller: plain, smdDevices: [] };
      controllers.set(key, entry);
    }
    if (!hasHealth(ctrlr) && ctrlr.devState !== NvmeDevState.NEW) continue;
    const brief: SmdDeviceInit = {
      roleBits: device.roleBits,
      ctrlrNamespaceId: device.ctrlrNamespaceId,
      rank: instance.rank() ?? 0,
    };
    if (request.Health || request.Meta) {
      const health = hasHealth(ctrlr)
        ? await bioHealth(
            instance,
            { devUuid: device.uuid, metaSize: sizes.metaBytes, rdbSize: sizes.rdbBytes },
            context.signal,
          )
        : undefined;
      entry.controller.healthStats ??= health;
      entry.smdDevices.push(request.Meta ? withUsage(device, brief, sizes, health) : brief);
    } else {
      entry.smdDevices.push(brief);
    }
  }
  const found = [...controllers].sort(([left], [right]) => (left < right ? -1 : 1));
  deps.log.debug(`engine ${instance.index}: ${found.length} block device controller(s)`);
  return found.map(([, { controller, smdDevices }]) => ({ ...controller, smdDevices }));
}

function withUsage(
  device: SmdDevice,
  brief: SmdDeviceInit,
  sizes: EngineScan,
  health: BioHealthResp | undefined,
): SmdDeviceInit {
  const { $typeName: _, $unknown: __, ctrlr: ___, ...plain } = device;
  return {
    ...plain,
    ...brief,
    metaSize: sizes.metaBytes,
    rdbSize: sizes.rdbBytes,
    totalBytes: health?.totalBytes ?? device.totalBytes,
    availBytes: health?.availBytes ?? device.availBytes,
    clusterSize: health?.clusterSize ?? device.clusterSize,
    metaWalSize: health?.metaWalSize ?? device.metaWalSize,
    rdbWalSize: health?.rdbWalSize ?? device.rdbWalSize,
  };
}

function clusters(sizeBytes: bigint, clusterBytes: bigint): bigint {
  return (sizeBytes + clusterBytes - 1n) / clusterBytes;
}

/** Clusters of a device that metadata takes from the data, for all targets of its engine. */
function metadataClusters(device: SmdDeviceInit, targets: bigint): bigint {
  const roles = device.roleBits ?? 0;
  const size = device.clusterSize ?? 0n;
  let taken = 0n;
  if (roles & BdevRoleBit.meta) {
    taken += clusters(device.metaSize ?? 0n, size) * targets + clusters(device.rdbSize ?? 0n, size);
  }
  if (roles & BdevRoleBit.wal) {
    taken += clusters(device.metaWalSize ?? 0n, size) * targets;
    if ((device.rdbSize ?? 0n) > 0n) taken += clusters(device.rdbWalSize ?? 0n, size);
  }
  return taken;
}

/**
 * Says of every device what pools can really use: whole clusters, without metadata, and as much per target
 * as on the device of the engine that has the least.
 */
function setUsableBytes(controllers: readonly NvmeControllerInit[], instance: ManagedInstance): void {
  const usable: { device: SmdDeviceInit; targets: bigint }[] = [];
  let clustersPerTarget: bigint | undefined;
  for (const controller of controllers) {
    for (const device of controller.smdDevices ?? []) {
      const roles = device.roleBits ?? 0;
      device.usableBytes = 0n;
      if (roles !== 0 && (roles & BdevRoleBit.data) === 0) {
        device.totalBytes = 0n;
        device.availBytes = 0n;
        continue;
      }
      const clusterBytes = device.clusterSize ?? 0n;
      const targets = BigInt(device.tgtIds?.length ?? 0);
      if (controller.devState !== NvmeDevState.NORMAL || clusterBytes === 0n || targets === 0n) {
        device.availBytes = 0n;
        continue;
      }
      device.availBytes = ((device.availBytes ?? 0n) / clusterBytes) * clusterBytes;
      const all = device.availBytes / clusterBytes;
      const taken = roles === 0 ? 0n : metadataClusters(device, BigInt(instance.config.targets));
      const perTarget = all > taken ? (all - taken) / targets : 0n;
      if (clustersPerTarget === undefined || perTarget < clustersPerTarget) clustersPerTarget = perTarget;
      usable.push({ device, targets });
    }
  }
  for (const { device, targets } of usable) {
    device.usableBytes = targets * (clustersPerTarget ?? 0n) * (device.clusterSize ?? 0n);
  }
}

/** Fields that differ between hosts of one kind are left out unless asked for, so that answers fold. */
function trim(controller: NvmeControllerInit, request: ScanNvmeReq): NvmeControllerInit {
  const trimmed = { ...controller };
  if (!request.Health) trimmed.healthStats = undefined;
  if (request.Basic) {
    trimmed.smdDevices = [];
    trimmed.serial = "";
    trimmed.model = "";
    trimmed.fwRev = "";
  }
  return trimmed;
}

async function scanHost(deps: ControlDeps, request: ScanNvmeReq): Promise<NvmeControllerInit[]> {
  const { controllers, notes } = await scanHostNvme({
    allow: [],
    vmd: !deps.config.disableVmd,
    health: request.Health,
  });
  for (const note of notes) deps.log.notice(`nvme scan: ${note}`);
  return controllers.map(({ smdDevices: _, ...one }) => one);
}

/** Controllers of the host while no engine has claimed any, else what the engines say of theirs. */
export async function scanNvme(
  deps: ControlDeps,
  request: ScanNvmeReq | undefined,
  context: CallContext,
): Promise<ScanNvmeResp> {
  if (request === undefined) throw new Error("nil request");
  if (deps.config.disableHugepages) {
    deps.log.notice("bdev scan skipped as use of hugepages disabled in config");
    return { state: {} };
  }
  const instances = deps.harness.instances.filter((instance) => instance.storage.bdevTiers.length > 0);
  const running = instances.some((instance) => instance.isStarted());
  if (instances.length > 0 && !running && request.Meta) {
    throw new Error("meta smd usage info unavailable as engines stopped");
  }
  if (!running) {
    return { ctrlrs: (await scanHost(deps, request)).map((one) => trim(one, request)), state: {} };
  }
  const ctrlrs: NvmeControllerInit[] = [];
  let failure: unknown;
  for (const instance of instances) {
    try {
      const found = await scanEngine(deps, instance, request, context);
      if (request.Meta) setUsableBytes(found, instance);
      ctrlrs.push(...found);
    } catch (error) {
      // With several engines the others' answers are worth having; the error travels beside them.
      if (instances.length === 1 || failure !== undefined) throw error;
      failure = new Error(`instance ${instance.index}: ${errorText(error)}`);
      deps.log.error(errorText(failure));
    }
  }
  return {
    ctrlrs: ctrlrs.map((one) => trim(one, request)),
    state: responseState(failure, ResponseStatus.CTL_ERR_NVME),
  };
}
