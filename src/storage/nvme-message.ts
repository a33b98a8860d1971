import type { MessageInitShape } from "@bufbuild/protobuf";
import { type BioHealthRespSchema, type NvmeControllerSchema, NvmeDevState } from "../gen/ctl/smd_pb.ts";
import type { NvmeDevice } from "../hardware/nvme.ts";
import type { NvmeController, NvmeHealth, NvmeIntelSmart } from "./nvme-host.ts";

/** Plain data, never a message: answers are put together field by field. */
export type NvmeControllerInit = Exclude<
  MessageInitShape<typeof NvmeControllerSchema>,
  { $typeName: string }
>;
type BioHealthInit = Exclude<MessageInitShape<typeof BioHealthRespSchema>, { $typeName: string }>;

/** The wire has 64 bits for counters that NVMe keeps in 128; 2.6 takes the lower half. */
const lower64 = (value: bigint) => BigInt.asUintN(64, value);

/** Health as it travels on the wire: NVMe's page, and Intel's attributes where there are any. */
export function healthMessage(health: NvmeHealth, intel: NvmeIntelSmart | undefined): BioHealthInit {
  return {
    warnTempTime: health.warningMinutes,
    critTempTime: health.criticalMinutes,
    ctrlBusyTime: lower64(health.busyMinutes),
    powerCycles: lower64(health.powerCycles),
    powerOnHours: lower64(health.powerOnHours),
    unsafeShutdowns: lower64(health.unsafeShutdowns),
    mediaErrs: lower64(health.mediaErrors),
    errLogEntries: lower64(health.errorLogEntries),
    temperature: health.kelvin,
    tempWarn: health.temperatureWarning,
    availSpareWarn: health.spareBelowThreshold,
    devReliabilityWarn: health.reliabilityDegraded,
    readOnlyWarn: health.readOnly,
    volatileMemWarn: health.volatileBackupFailed,
    programFailCntNorm: intel?.programFailNormalized,
    programFailCntRaw: intel?.programFailCount,
    eraseFailCntNorm: intel?.eraseFailNormalized,
    eraseFailCntRaw: intel?.eraseFailCount,
    wearLevelingCntNorm: intel?.wearNormalized,
    wearLevelingCntMin: intel?.wearMin,
    wearLevelingCntMax: intel?.wearMax,
    wearLevelingCntAvg: intel?.wearAverage,
    endtoendErrCntRaw: intel?.endToEndErrors,
    crcErrCntRaw: intel?.crcErrors,
    mediaWearRaw: intel?.mediaWear,
    hostReadsRaw: intel?.hostReads,
    workloadTimerRaw: intel?.workloadMinutes,
    thermalThrottleStatus: intel?.throttleStatus,
    thermalThrottleEventCnt: intel?.throttleEvents,
    retryBufferOverflowCnt: intel?.retryBufferOverflows,
    pllLockLossCnt: intel?.pllLockLosses,
    nandBytesWritten: intel?.nandUnitsWritten,
    hostBytesWritten: intel?.hostUnitsWritten,
  };
}

/** A controller that SPDK described, that no engine uses yet. */
export function controllerMessage(found: NvmeController): NvmeControllerInit {
  return {
    model: found.identity.model,
    serial: found.identity.serial,
    pciAddr: found.address,
    fwRev: found.identity.firmware,
    socketId: found.socketId,
    vendorId: `0x${found.identity.vendorId.toString(16).padStart(4, "0")}`,
    pciDevType: found.pciType,
    namespaces: found.namespaces.map(({ id, sizeBytes }) => ({ id, size: sizeBytes })),
    healthStats: found.health === undefined ? undefined : healthMessage(found.health, found.intelSmart),
    devState: NvmeDevState.NEW,
  };
}

/** A controller that the kernel drives. */
export function kernelControllerMessage(device: NvmeDevice): NvmeControllerInit {
  return {
    model: device.model,
    serial: device.serial,
    pciAddr: device.pciAddress,
    fwRev: device.firmwareRevision,
    socketId: device.numaNode,
    vendorId: device.vendorId,
    namespaces: device.namespaces.map(({ id, sizeBytes }) => ({ id, size: sizeBytes })),
    devState: NvmeDevState.NEW,
  };
}
