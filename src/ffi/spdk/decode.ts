import {
  errorEntry,
  firmwarePage,
  healthPage,
  INTEL_ATTRIBUTES,
  identifyController,
  intelAttribute,
  intelTemperature,
} from "./layout.ts";

/** What a controller says of itself. */
export interface ControllerIdentity {
  readonly vendorId: number;
  readonly serial: string;
  readonly model: string;
  readonly firmware: string;
  /** "1.4.0". */
  readonly nvmeVersion: string;
  readonly totalBytes: bigint;
  readonly warningKelvin: number;
  readonly criticalKelvin: number;
  readonly maxNamespaces: number;
  /** Entries its error log holds. */
  readonly errorLogEntries: number;
  readonly subsystem: string;
  readonly can: { readonly format: boolean; readonly firmware: boolean; readonly manageNamespaces: boolean };
  /** A format command always formats all namespaces. */
  readonly formatsAllNamespaces: boolean;
}

export function decodeIdentity(data: Uint8Array): ControllerIdentity {
  const id = identifyController.decode(data);
  return {
    vendorId: id.vid,
    serial: id.sn,
    model: id.mn,
    firmware: id.fr,
    nvmeVersion: `${id.ver >>> 16}.${(id.ver >>> 8) & 0xff}.${id.ver & 0xff}`,
    totalBytes: id.tnvmcap,
    warningKelvin: id.wctemp,
    criticalKelvin: id.cctemp,
    maxNamespaces: id.nn,
    errorLogEntries: id.elpe + 1,
    subsystem: id.subnqn,
    can: {
      format: (id.oacs & 0x2) !== 0,
      firmware: (id.oacs & 0x4) !== 0,
      manageNamespaces: (id.oacs & 0x8) !== 0,
    },
    formatsAllNamespaces: (id.fna & 0x1) !== 0,
  };
}

/** Health of a controller (NVMe 1.4, 5.14.1.2), in the specification's units. */
export interface ControllerHealth {
  readonly kelvin: number;
  readonly spareBelowThreshold: boolean;
  readonly temperatureWarning: boolean;
  readonly reliabilityDegraded: boolean;
  readonly readOnly: boolean;
  readonly volatileBackupFailed: boolean;
  readonly persistentMemoryReadOnly: boolean;
  readonly sparePercent: number;
  readonly spareThresholdPercent: number;
  /** May go beyond 100. */
  readonly usedPercent: number;
  /** Thousands of 512-byte units. */
  readonly unitsRead: bigint;
  readonly unitsWritten: bigint;
  readonly readCommands: bigint;
  readonly writeCommands: bigint;
  readonly busyMinutes: bigint;
  readonly powerCycles: bigint;
  readonly powerOnHours: bigint;
  readonly unsafeShutdowns: bigint;
  readonly mediaErrors: bigint;
  readonly errorLogEntries: bigint;
  readonly warningMinutes: number;
  readonly criticalMinutes: number;
  /** Kelvin; sensors that are not there are left out. */
  readonly sensorsKelvin: readonly number[];
}

export function decodeHealth(page: Uint8Array): ControllerHealth {
  const health = healthPage.decode(page);
  const warns = (bit: number) => (health.critical_warning & (1 << bit)) !== 0;
  return {
    kelvin: health.temperature,
    spareBelowThreshold: warns(0),
    temperatureWarning: warns(1),
    reliabilityDegraded: warns(2),
    readOnly: warns(3),
    volatileBackupFailed: warns(4),
    persistentMemoryReadOnly: warns(5),
    sparePercent: health.available_spare,
    spareThresholdPercent: health.available_spare_threshold,
    usedPercent: health.percentage_used,
    unitsRead: health.data_units_read,
    unitsWritten: health.data_units_written,
    readCommands: health.host_read_commands,
    writeCommands: health.host_write_commands,
    busyMinutes: health.controller_busy_time,
    powerCycles: health.power_cycles,
    powerOnHours: health.power_on_hours,
    unsafeShutdowns: health.unsafe_shutdowns,
    mediaErrors: health.media_errors,
    errorLogEntries: health.num_error_info_log_entries,
    warningMinutes: health.warning_temp_time,
    criticalMinutes: health.critical_temp_time,
    sensorsKelvin: health.temp_sensor.filter((kelvin) => kelvin !== 0),
  };
}

/** One command that failed. */
export interface ErrorLogEntry {
  readonly count: bigint;
  readonly queue: number;
  readonly command: number;
  /** Status type and code: 0x2xx are media errors. */
  readonly statusType: number;
  readonly statusCode: number;
  readonly lba: bigint;
  readonly namespace: number;
}

/** Entries that are in use, newest first as the controller has them. */
export function decodeErrorLog(page: Uint8Array): ErrorLogEntry[] {
  const entries: ErrorLogEntry[] = [];
  for (let index = 0; (index + 1) * errorEntry.sizeBytes <= page.length; index += 1) {
    const entry = errorEntry.decode(page, index);
    if (entry.error_count === 0n) continue;
    entries.push({
      count: entry.error_count,
      queue: entry.sqid,
      command: entry.cid,
      statusType: (entry.status >> 9) & 0x7,
      statusCode: (entry.status >> 1) & 0xff,
      lba: entry.lba,
      namespace: entry.nsid,
    });
  }
  return entries;
}

export interface FirmwareSlots {
  readonly activeSlot: number;
  /** Slot that becomes active at the next reset; 0: no change. */
  readonly nextSlot: number;
  /** Revision by slot, from slot 1; "" for an empty one. */
  readonly revisions: readonly string[];
}

export function decodeFirmwareSlots(page: Uint8Array): FirmwareSlots {
  const { afi, revision } = firmwarePage.decode(page);
  return { activeSlot: afi & 0x7, nextSlot: (afi >> 4) & 0x7, revisions: revision };
}

/** Intel's own SMART attributes. Those a drive does not report are absent. */
export interface IntelSmart {
  readonly programFailNormalized?: number;
  readonly programFailCount?: bigint;
  readonly eraseFailNormalized?: number;
  readonly eraseFailCount?: bigint;
  readonly wearNormalized?: number;
  readonly wearMin?: number;
  readonly wearMax?: number;
  readonly wearAverage?: number;
  readonly endToEndErrors?: bigint;
  readonly crcErrors?: bigint;
  /** Of the timed workload: media wear, share of reads, minutes. */
  readonly mediaWear?: bigint;
  readonly hostReads?: bigint;
  readonly workloadMinutes?: bigint;
  readonly throttleStatus?: number;
  readonly throttleEvents?: bigint;
  readonly retryBufferOverflows?: bigint;
  readonly pllLockLosses?: bigint;
  /** Units of 32 MiB. */
  readonly nandUnitsWritten?: bigint;
  readonly hostUnitsWritten?: bigint;
}

function littleEndian(raw: Uint8Array): bigint {
  return raw.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** How the six raw bytes of an attribute are read, by its code. */
const INTEL_ATTRIBUTE: Readonly<
  Record<number, (raw: Uint8Array, normalized: number) => Partial<IntelSmart>>
> = {
  171: (raw, normalized) => ({ programFailNormalized: normalized, programFailCount: littleEndian(raw) }),
  172: (raw, normalized) => ({ eraseFailNormalized: normalized, eraseFailCount: littleEndian(raw) }),
  173: (raw, normalized) => ({
    wearNormalized: normalized,
    wearMin: raw[0]! | (raw[1]! << 8),
    wearMax: raw[2]! | (raw[3]! << 8),
    wearAverage: raw[4]! | (raw[5]! << 8),
  }),
  184: (raw) => ({ endToEndErrors: littleEndian(raw) }),
  199: (raw) => ({ crcErrors: littleEndian(raw) }),
  226: (raw) => ({ mediaWear: littleEndian(raw) }),
  227: (raw) => ({ hostReads: littleEndian(raw) }),
  228: (raw) => ({ workloadMinutes: littleEndian(raw) }),
  234: (raw) => ({ throttleStatus: raw[0]!, throttleEvents: littleEndian(raw.subarray(1, 5)) }),
  240: (raw) => ({ retryBufferOverflows: littleEndian(raw) }),
  243: (raw) => ({ pllLockLosses: littleEndian(raw) }),
  244: (raw) => ({ nandUnitsWritten: littleEndian(raw) }),
  245: (raw) => ({ hostUnitsWritten: littleEndian(raw) }),
};

export function decodeIntelSmart(page: Uint8Array): IntelSmart {
  let smart: IntelSmart = {};
  for (let index = 0; index < INTEL_ATTRIBUTES; index += 1) {
    const { code, normalized_value, raw_value } = intelAttribute.decode(page, index);
    const read = INTEL_ATTRIBUTE[code];
    if (read !== undefined) smart = { ...smart, ...read(raw_value, normalized_value) };
  }
  return smart;
}

/** Degrees Celsius as Intel's drives keep them. */
export interface IntelTemperature {
  readonly currentCelsius: number;
  readonly highestCelsius: number;
  readonly lowestCelsius: number;
  readonly maxOperatingCelsius: number;
  readonly overheatedNow: boolean;
  readonly overheatedEver: boolean;
}

export function decodeIntelTemperature(page: Uint8Array): IntelTemperature {
  const found = intelTemperature.decode(page);
  const signed = (value: bigint) => Number(BigInt.asIntN(64, value));
  return {
    currentCelsius: signed(found.current_temperature),
    highestCelsius: signed(found.highest_temperature),
    lowestCelsius: signed(found.lowest_temperature),
    maxOperatingCelsius: signed(found.specified_max_op_temperature),
    overheatedNow: found.shutdown_flag_last !== 0n,
    overheatedEver: found.shutdown_flag_life !== 0n,
  };
}

/** What is wrong with a drive by its own account, in words; empty when it is well. */
export function healthProblems(health: ControllerHealth): string[] {
  const problems: string[] = [];
  if (health.spareBelowThreshold)
    problems.push(`spare capacity ${health.sparePercent}% is below ${health.spareThresholdPercent}%`);
  if (health.temperatureWarning) problems.push(`temperature ${health.kelvin - 273} °C is out of range`);
  if (health.reliabilityDegraded) problems.push("reliability is degraded by media or internal errors");
  if (health.readOnly) problems.push("media is read-only");
  if (health.volatileBackupFailed) problems.push("backup of volatile memory failed");
  if (health.persistentMemoryReadOnly) problems.push("persistent memory region is read-only");
  if (health.usedPercent >= 100) problems.push(`${health.usedPercent}% of its rated life is used`);
  return problems;
}

/** NVMe completion status: "media error 0x81 (unrecovered read error)". */
export function statusText(type: number, code: number): string {
  const hex = `0x${code.toString(16).padStart(2, "0")}`;
  const words = STATUS_WORDS[type]?.[code];
  return `${STATUS_TYPES[type] ?? `status type ${type}`} ${hex}${words === undefined ? "" : ` (${words})`}`;
}

const STATUS_TYPES = ["generic error", "command error", "media error", "path error"];
/** The codes that a scan, a wipe or a firmware update meets. */
const STATUS_WORDS: readonly Readonly<Record<number, string>>[] = [
  {
    1: "invalid opcode",
    2: "invalid field",
    4: "data transfer error",
    5: "aborted by power loss",
    6: "internal error",
    11: "invalid namespace or format",
    128: "LBA out of range",
    129: "capacity exceeded",
    130: "namespace not ready",
    132: "format in progress",
  },
  {
    6: "invalid firmware slot",
    7: "invalid firmware image",
    9: "invalid log page",
    11: "firmware needs a conventional reset",
    16: "firmware needs a subsystem reset",
    17: "firmware needs a controller reset",
    32: "namespace is write protected",
  },
  {
    128: "write fault",
    129: "unrecovered read error",
    130: "guard check error",
    133: "compare failure",
    134: "access denied",
    135: "deallocated block",
  },
];
