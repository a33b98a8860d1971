/** Documents of NVMe devices and of what engines keep about them (SMD: server metadata). */

import type { BioHealthResp } from "../../../gen/ctl/smd_pb.ts";
import { LedState, type NvmeController, NvmeDevState, type SmdDevice } from "../../../gen/ctl/smd_pb.ts";
import type { Json } from "../../../ui/json.ts";
import { listOrNull } from "./common.ts";

/** Roles of a device with metadata on SSD (2.6: BdevRoleData, -Meta, -WAL). */
const roles: readonly (readonly [number, string])[] = [
  [1, "data"],
  [2, "meta"],
  [4, "wal"],
];
/** The target number under which an engine's system stream stands in a device's targets. */
const systemTarget = 1024;

export function roleNames(roleBits: number): string {
  const names = roles.filter(([bit]) => (roleBits & bit) !== 0).map(([, name]) => name);
  return names.length === 0 ? "NA" : names.join(",");
}

export function deviceStateName(state: NvmeDevState): string {
  return NvmeDevState[state] ?? "UNKNOWN";
}

export function ledStateName(state: LedState): string {
  return LedState[state] ?? "UNKNOWN";
}

/** A device's targets without the system stream, each once. */
export function dataTargets(device: SmdDevice): number[] {
  return [...new Set(device.tgtIds)].filter((target) => target !== systemTarget);
}

export function hasSystemStream(device: SmdDevice): boolean {
  return device.tgtIds.includes(systemTarget);
}

export function controllerDocument(controller: NvmeController | undefined): Json {
  return {
    info: "",
    model: controller?.model ?? "",
    serial: controller?.serial ?? "",
    pci_addr: controller?.pciAddr ?? "",
    fw_rev: controller?.fwRev ?? "",
    vendor_id: controller?.vendorId ?? "",
    // 2.6 leaves it empty in documents although it is on the wire.
    pci_type: "",
    socket_id: controller?.socketId ?? 0,
    health_stats: controller?.healthStats ? healthDocument(controller.healthStats) : null,
    namespaces: listOrNull((controller?.namespaces ?? []).map(({ id, size }) => ({ id, size }))),
    smd_devices: listOrNull(
      (controller?.smdDevices ?? []).map((device) => smdDeviceDocument(device, device.rank)),
    ),
    dev_state: deviceStateName(controller?.devState ?? NvmeDevState.UNKNOWN),
    led_state: ledStateName(controller?.ledState ?? LedState.NA),
  };
}

/** `rank` is that of the engine that answered; the device's own field need not be set. */
export function smdDeviceDocument(device: SmdDevice, rank: number): Json {
  return {
    role_bits: device.roleBits,
    uuid: device.uuid,
    tgt_ids: dataTargets(device),
    rank,
    total_bytes: device.totalBytes,
    avail_bytes: device.availBytes,
    usable_bytes: device.usableBytes,
    cluster_size: device.clusterSize,
    meta_size: device.metaSize,
    meta_wal_size: device.metaWalSize,
    rdb_size: device.rdbSize,
    rdb_wal_size: device.rdbWalSize,
    roles: roleNames(device.roleBits),
    has_sys_xs: hasSystemStream(device),
    ctrlr: controllerDocument(device.ctrlr),
    ctrlr_namespace_id: device.ctrlrNamespaceId,
  };
}

function healthDocument(health: BioHealthResp): Json {
  return {
    timestamp: health.timestamp,
    warn_temp_time: health.warnTempTime,
    crit_temp_time: health.critTempTime,
    ctrl_busy_time: health.ctrlBusyTime,
    power_cycles: health.powerCycles,
    power_on_hours: health.powerOnHours,
    unsafe_shutdowns: health.unsafeShutdowns,
    media_errs: health.mediaErrs,
    err_log_entries: health.errLogEntries,
    bio_read_errs: health.bioReadErrs,
    bio_write_errs: health.bioWriteErrs,
    bio_unmap_errs: health.bioUnmapErrs,
    checksum_errs: health.checksumErrs,
    temperature: health.temperature,
    temp_warn: health.tempWarn,
    avail_spare_warn: health.availSpareWarn,
    dev_reliability_warn: health.devReliabilityWarn,
    read_only_warn: health.readOnlyWarn,
    volatile_mem_warn: health.volatileMemWarn,
    program_fail_cnt_norm: health.programFailCntNorm,
    program_fail_cnt_raw: health.programFailCntRaw,
    erase_fail_cnt_norm: health.eraseFailCntNorm,
    erase_fail_cnt_raw: health.eraseFailCntRaw,
    wear_leveling_cnt_norm: health.wearLevelingCntNorm,
    wear_leveling_cnt_min: health.wearLevelingCntMin,
    wear_leveling_cnt_max: health.wearLevelingCntMax,
    wear_leveling_cnt_avg: health.wearLevelingCntAvg,
    endtoend_err_cnt_raw: health.endtoendErrCntRaw,
    crc_err_cnt_raw: health.crcErrCntRaw,
    media_wear_raw: health.mediaWearRaw,
    host_reads_raw: health.hostReadsRaw,
    workload_timer_raw: health.workloadTimerRaw,
    thermal_throttle_status: health.thermalThrottleStatus,
    thermal_throttle_event_cnt: health.thermalThrottleEventCnt,
    retry_buffer_overflow_cnt: health.retryBufferOverflowCnt,
    pll_lock_loss_cnt: health.pllLockLossCnt,
    nand_bytes_written: health.nandBytesWritten,
    host_bytes_written: health.hostBytesWritten,
    cluster_size: health.clusterSize,
    meta_wal_size: health.metaWalSize,
    rdb_wal_size: health.rdbWalSize,
  };
}
