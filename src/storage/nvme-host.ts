import { z } from "zod";
import { askHelper, bigintText } from "../helper/ask.ts";
import type { HelperOptions } from "../helper/client.ts";
import { faultBdevFormat } from "./faults.ts";

/** Loading and starting SPDK takes a second, a controller up to two, a broken one half a minute. */
const NVME_TIMEOUT_MS = 120_000;
/** A drive takes an image of some MiB in seconds and checks it for minutes. */
const FIRMWARE_TIMEOUT_MS = 600_000;

const healthSchema = z.object({
  kelvin: z.int(),
  spareBelowThreshold: z.boolean(),
  temperatureWarning: z.boolean(),
  reliabilityDegraded: z.boolean(),
  readOnly: z.boolean(),
  volatileBackupFailed: z.boolean(),
  persistentMemoryReadOnly: z.boolean(),
  sparePercent: z.int(),
  spareThresholdPercent: z.int(),
  usedPercent: z.int(),
  unitsRead: bigintText,
  unitsWritten: bigintText,
  readCommands: bigintText,
  writeCommands: bigintText,
  busyMinutes: bigintText,
  powerCycles: bigintText,
  powerOnHours: bigintText,
  unsafeShutdowns: bigintText,
  mediaErrors: bigintText,
  errorLogEntries: bigintText,
  warningMinutes: z.int(),
  criticalMinutes: z.int(),
  sensorsKelvin: z.array(z.int()),
});
export type NvmeHealth = z.output<typeof healthSchema>;

const intelSchema = z
  .object({
    programFailNormalized: z.int(),
    programFailCount: bigintText,
    eraseFailNormalized: z.int(),
    eraseFailCount: bigintText,
    wearNormalized: z.int(),
    wearMin: z.int(),
    wearMax: z.int(),
    wearAverage: z.int(),
    endToEndErrors: bigintText,
    crcErrors: bigintText,
    mediaWear: bigintText,
    hostReads: bigintText,
    workloadMinutes: bigintText,
    throttleStatus: z.int(),
    throttleEvents: bigintText,
    retryBufferOverflows: bigintText,
    pllLockLosses: bigintText,
    nandUnitsWritten: bigintText,
    hostUnitsWritten: bigintText,
  })
  .partial();
export type NvmeIntelSmart = z.output<typeof intelSchema>;

const controllerSchema = z.object({
  address: z.string(),
  socketId: z.int(),
  /** "vmd" for one behind VMD. */
  pciType: z.string(),
  identity: z.object({
    vendorId: z.int(),
    serial: z.string(),
    model: z.string(),
    firmware: z.string(),
    nvmeVersion: z.string(),
    totalBytes: bigintText,
  }),
  namespaces: z.array(z.object({ id: z.int(), sizeBytes: bigintText, sectorBytes: z.int() })),
  /** What is wrong with it by its own account, in words. */
  problems: z.array(z.string()),
  health: healthSchema.optional(),
  errorLog: z
    .array(
      z.object({
        count: bigintText,
        statusType: z.int(),
        statusCode: z.int(),
        lba: bigintText,
        namespace: z.int(),
      }),
    )
    .default([]),
  firmwareSlots: z
    .object({ activeSlot: z.int(), nextSlot: z.int(), revisions: z.array(z.string()) })
    .optional(),
  intelSmart: intelSchema.optional(),
});
export type NvmeController = z.output<typeof controllerSchema>;

const scanSchema = z.object({
  controllers: z.array(z.union([controllerSchema, z.object({ address: z.string(), error: z.string() })])),
  missing: z.array(z.object({ address: z.string(), reason: z.string() })),
  startMs: z.number(),
});

/** What a scan through SPDK found. One bad controller does not hide the others. */
export interface NvmeScan {
  readonly controllers: readonly NvmeController[];
  /** Controllers that answered wrongly. */
  readonly failed: readonly { readonly address: string; readonly error: string }[];
  /** Controllers that were wanted and not found, with the reason. */
  readonly missing: readonly { readonly address: string; readonly reason: string }[];
}

export interface NvmeSelection {
  /** Empty: all controllers that are bound for user space. */
  readonly allow: readonly string[];
  readonly vmd: boolean;
}

/** Controllers that are bound for user space, by SPDK in the helper. @throws Fault 1 or 2 without SPDK, 803. */
export async function scanNvmeBySpdk(
  selection: NvmeSelection & { readonly health?: boolean },
  options: HelperOptions = {},
): Promise<NvmeScan> {
  const { allow, vmd, health = true } = selection;
  const scan = await askHelper({ op: "nvme-scan", allow: [...allow], vmd, health }, scanSchema, {
    timeoutMs: NVME_TIMEOUT_MS,
    ...options,
  });
  return {
    controllers: scan.controllers.filter((one) => "identity" in one),
    failed: scan.controllers.filter((one) => "error" in one),
    missing: scan.missing,
  };
}

/** Release of SPDK on this host. @throws Fault "dependency" 1 or 2 when there is none that can be used. */
export function spdkRelease(options: HelperOptions = {}): Promise<string> {
  return askHelper({ op: "spdk-release" }, z.string(), options);
}

const formatSchema = z.array(z.object({ address: z.string(), namespace: z.int(), error: z.string() }));

/** What became of one controller in a format. */
export interface NvmeFormatResult {
  readonly device: string;
  readonly error?: Error;
}

/**
 * Wipes the first 4 KiB of every namespace of the controllers, by address (a VMD stands for all behind it), so
 * that no file system and no blobstore is found on them. Every controller that was named has a result.
 */
export async function formatNvmeBySpdk(
  selection: NvmeSelection,
  options: HelperOptions = {},
): Promise<NvmeFormatResult[]> {
  const { allow, vmd } = selection;
  const results = await askHelper({ op: "nvme-format", allow: [...allow], vmd }, formatSchema, {
    timeoutMs: NVME_TIMEOUT_MS,
    ...options,
  });
  const errors = new Map<string, string[]>();
  for (const { address, namespace, error } of results) {
    const known = errors.get(address) ?? [];
    if (error !== "") known.push(namespace === 0 ? error : `namespace ${namespace}: ${error}`);
    errors.set(address, known);
  }
  return [...errors]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([device, texts]) =>
      texts.length === 0 ? { device } : { device, error: faultBdevFormat(device, texts.join("; ")) },
    );
}

/**
 * Loads a firmware image into a slot (0: the drive chooses) and activates it at the next reset.
 * @returns what is needed for it to take effect, "" for nothing.
 */
export async function updateNvmeFirmware(
  address: string,
  path: string,
  slot: number,
  vmd: boolean,
  options: HelperOptions = {},
): Promise<string> {
  const request = { op: "nvme-firmware-update", address, path, slot, vmd } as const;
  const { needs } = await askHelper(request, z.object({ needs: z.string() }), {
    timeoutMs: FIRMWARE_TIMEOUT_MS,
    ...options,
  });
  return needs;
}

/** Tells, or sets and tells, the locate LED of a drive behind VMD. */
export async function nvmeLed(
  address: string,
  state?: "off" | "identify" | "fault" | "rebuild",
  options: HelperOptions = {},
): Promise<string> {
  const answer = await askHelper({ op: "nvme-led", address, state }, z.object({ state: z.string() }), {
    timeoutMs: NVME_TIMEOUT_MS,
    ...options,
  });
  return answer.state;
}
