import { FaultCode } from "../faults/codes.ts";
import { errorText, Fault } from "../faults/fault.ts";
import { faultBdevNotFound } from "../faults/spdk.ts";
import { listsVmd } from "./bdev/nvme.ts";
import { updateNvmeFirmware } from "./nvme-host.ts";
import type { NvmeControllerInit } from "./nvme-message.ts";
import { scanHostNvme } from "./nvme-scan.ts";
import {
  type PmemFirmware,
  type PmemModule,
  pmemFirmware,
  scanPmem,
  updatePmemFirmware,
} from "./pmem/host.ts";

/** Which devices a firmware request means; empty fields mean all. */
export interface FirmwareFilter {
  readonly devices: readonly string[];
  readonly model: string;
  readonly revision: string;
}

/** The drive chooses the slot. */
const ANY_SLOT = 0;

/** 2.6 compares without case; an empty filter fits everything. */
function fits(filter: string, value: string): boolean {
  return filter === "" || filter.toLowerCase() === value.toLowerCase();
}

function faultDuplicates(domain: "scm" | "bdev"): Fault {
  const code = domain === "scm" ? FaultCode.ScmDuplicatesInDeviceList : FaultCode.BdevDuplicatesInDeviceList;
  const what = domain === "scm" ? "SCM" : "NVMe";
  return new Fault(domain, code, `duplicates in ${what} device list`, "check your device list and try again");
}

function faultNoMatch(domain: "scm" | "bdev"): Fault {
  const code = domain === "scm" ? FaultCode.ScmNoDevicesMatchFilter : FaultCode.BdevNoDevicesMatchFilter;
  const what = domain === "scm" ? "SCM modules" : "NVMe device controllers";
  return new Fault(
    domain,
    code,
    `no ${what} matched the filter criteria`,
    "adjust or relax the filters and try again",
  );
}

/**
 * The devices that a filter means. A query passes over named devices that are absent, an update does not.
 * @throws Fault 209 or 305 (a device named twice), 210 or 306 (an update of nothing), and what `missing` gives.
 */
export function selectDevices<T>(
  domain: "scm" | "bdev",
  all: readonly T[],
  filter: FirmwareFilter,
  facts: (device: T) => { id: string; model: string; revision: string },
  missing: ((id: string) => Error) | undefined,
): T[] {
  if (new Set(filter.devices).size !== filter.devices.length) throw faultDuplicates(domain);
  if (missing !== undefined && all.length === 0) {
    throw new Error(domain === "scm" ? "no SCM modules" : "no NVMe device controllers");
  }
  const named = filter.devices.length === 0 ? all : [];
  const found = [...named];
  for (const id of [...filter.devices].sort()) {
    const device = all.find((one) => facts(one).id === id);
    if (device !== undefined) found.push(device);
    else if (missing !== undefined) throw missing(id);
  }
  const chosen = found.filter((device) => {
    const { model, revision } = facts(device);
    return fits(filter.model, model) && fits(filter.revision, revision);
  });
  if (missing !== undefined && chosen.length === 0) throw faultNoMatch(domain);
  return chosen;
}

const moduleFacts = (one: PmemModule) => ({
  id: one.uid,
  model: one.partNumber,
  revision: one.firmwareRevision,
});
const driveFacts = (one: NvmeControllerInit) => ({
  id: one.pciAddr ?? "",
  model: one.model ?? "",
  revision: one.fwRev ?? "",
});

export interface ModuleFirmware {
  readonly module: PmemModule;
  readonly firmware: PmemFirmware | undefined;
  readonly error: string;
}

/** Firmware of PMem modules. One that does not answer has an error; the others are told. */
export async function queryModuleFirmware(filter: FirmwareFilter): Promise<ModuleFirmware[]> {
  const { modules } = await scanPmem();
  const results: ModuleFirmware[] = [];
  for (const module of selectDevices("scm", modules, filter, moduleFacts, undefined)) {
    try {
      results.push({ module, firmware: await pmemFirmware(module.uid), error: "" });
    } catch (error) {
      results.push({ module, firmware: undefined, error: errorText(error) });
    }
  }
  return results;
}

/** Stages an image on PMem modules, one after the other. */
export async function updateModules(
  path: string,
  filter: FirmwareFilter,
): Promise<{ module: PmemModule; error: string }[]> {
  const { modules } = await scanPmem();
  const absent = (uid: string) => new Error(`no module found with UID "${uid}"`);
  const results: { module: PmemModule; error: string }[] = [];
  for (const module of selectDevices("scm", modules, filter, moduleFacts, absent)) {
    results.push({ module, error: await failureOf(updatePmemFirmware(module.uid, path)) });
  }
  return results;
}

async function scanDrives(): Promise<readonly NvmeControllerInit[]> {
  return (await scanHostNvme({ allow: [], vmd: true, health: false })).controllers;
}

/** NVMe drives, whose firmware revision is part of what they say of themselves. */
export async function queryDriveFirmware(filter: FirmwareFilter): Promise<NvmeControllerInit[]> {
  return selectDevices("bdev", await scanDrives(), filter, driveFacts, undefined);
}

/** Loads an image into NVMe drives, one after the other; it is active from their next reset on. */
export async function updateDrives(
  path: string,
  filter: FirmwareFilter,
): Promise<{ pciAddr: string; error: string }[]> {
  const absent = (address: string) => faultBdevNotFound([address], "");
  const chosen = selectDevices("bdev", await scanDrives(), filter, driveFacts, absent);
  const vmd = await listsVmd(chosen.map((drive) => drive.pciAddr ?? ""));
  const results: { pciAddr: string; error: string }[] = [];
  for (const { pciAddr = "" } of chosen) {
    results.push({ pciAddr, error: await failureOf(updateNvmeFirmware(pciAddr, path, ANY_SLOT, vmd)) });
  }
  return results;
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "",
    (error: unknown) => errorText(error),
  );
}
