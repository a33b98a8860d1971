import type { FirmwareQueryAnswer, FirmwareUpdateAnswer, HostDevices } from "../../../client/firmware.ts";
import { plural } from "../../../client/words.ts";
import { formatIecBytes } from "../../../faults/bytes.ts";
import type { NvmeFirmwareQueryResp, ScmFirmwareQueryResp } from "../../../gen/ctl/firmware_pb.ts";
import type { ScmModule } from "../../../gen/ctl/storage_scm_pb.ts";
import type { Json } from "../../../ui/json.ts";
import { banner, formatTable, indentLines } from "../../../ui/table.ts";
import { hostErrorsDocument, printableHosts } from "./common.ts";
import { controllerDocument } from "./smd.ts";
import { moduleDocument } from "./storage.ts";

const updateStatus = ["Unknown", "Staged", "Success", "Failed"];
const scmUpdated = "Success - The new firmware was staged. A power cycle is required to apply.";
const nvmeUpdated = "Success - The NVMe device controller firmware was updated.";
const scmColumn = "Device:PhyID:Socket:Ctrl:Chan:Pos";
const nvmeColumn = "Device Addr";
const nothing = {
  scm: "No SCM devices detected",
  nvme: "No NVMe device controllers detected",
} as const;

function hostMap<T>(hosts: readonly HostDevices<T>[], document: (device: T) => Json): Json {
  const entries = hosts.map(({ host, devices }): [string, Json] => [host, devices.map(document)]);
  return entries.length === 0 ? null : new Map(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** An error inside a list is an empty object in 2.6's JSON; its text is told here. */
function errorDocument(error: string): Json {
  return error === "" ? null : { message: error };
}

export function firmwareQueryDocument(
  answer: FirmwareQueryAnswer,
  wanted: { readonly scm: boolean; readonly nvme: boolean },
): Json {
  return {
    host_errors: hostErrorsDocument(answer.errors),
    HostSCMFirmware: wanted.scm
      ? hostMap(answer.scm, (item) => ({
          Module: moduleDocument(item.module),
          Info: {
            ActiveVersion: item.activeVersion,
            StagedVersion: item.stagedVersion,
            ImageMaxSizeBytes: item.imageMaxSizeBytes,
            UpdateStatus: item.updateStatus,
          },
          Error: errorDocument(item.error),
        }))
      : null,
    HostNVMeFirmware: wanted.nvme
      ? hostMap(answer.nvme, ({ device }) => ({ Device: controllerDocument(device) }))
      : null,
  };
}

export function firmwareUpdateDocument(answer: FirmwareUpdateAnswer): Json {
  return {
    host_errors: hostErrorsDocument(answer.errors),
    HostSCMResult: hostMap(answer.scm, ({ module, error }) => ({
      Module: moduleDocument(module),
      Error: errorDocument(error),
    })),
    HostNVMeResult: hostMap(answer.nvme, ({ pciAddr, error }) => ({
      DevicePCIAddr: pciAddr,
      Error: errorDocument(error),
    })),
  };
}

/** One device's result in words, and whether that is an error. */
interface Line {
  readonly device: string;
  readonly text: string;
  readonly error: string;
}

type Lines = readonly HostDevices<Line>[];

export function firmwareQueryText(
  answer: FirmwareQueryAnswer,
  wanted: { readonly scm: boolean; readonly nvme: boolean },
  verbose: boolean,
): string {
  const head = (devices: string[]) => `Firmware status for ${plural(devices.length, "device")}:`;
  const scm = linesOf(answer.scm, (item) => ({
    device: verbose ? moduleText(item.module) : moduleId(item.module),
    text: scmText(item),
    error: item.error,
  }));
  const nvme = linesOf(answer.nvme, ({ device }: NvmeFirmwareQueryResp) => ({
    device: `${verbose ? "Device PCI Address: " : ""}${device?.pciAddr ?? ""}`,
    text: `Revision: ${device?.fwRev ?? ""}`,
    error: "",
  }));
  const part = (title: string, lines: Lines, column: string, none: string) =>
    `${banner(title).replaceAll("-", "=")}${indentLines(verbose ? byHost(lines, none) : folded(lines, column, none, head))}`;
  return (
    (wanted.scm ? part("SCM Device Firmware", scm, scmColumn, nothing.scm) : "") +
    (wanted.nvme ? part("NVMe Device Firmware", nvme, nvmeColumn, nothing.nvme) : "")
  );
}

export function firmwareUpdateText(
  answer: FirmwareUpdateAnswer,
  type: "scm" | "nvme",
  verbose: boolean,
): string {
  if (type === "scm") {
    const lines = linesOf(answer.scm, ({ module, error }) => ({
      device: verbose ? moduleText(module) : moduleId(module),
      text: scmUpdated,
      error,
    }));
    if (verbose) return byHost(lines, nothing.scm);
    const head = (devices: string[]) =>
      `Firmware staged on ${plural(devices.length, "device")}. A power cycle is required to apply the update.`;
    return folded(lines, scmColumn, nothing.scm, head, false);
  }
  const lines = linesOf(answer.nvme, ({ pciAddr, error }) => ({
    device: `${verbose ? "Device PCI Address: " : ""}${pciAddr}`,
    text: nvmeUpdated,
    error,
  }));
  if (verbose) return byHost(lines, nothing.nvme);
  const head = (devices: string[]) =>
    `Firmware updated on ${plural(devices.length, "NVMe device controller")}.`;
  return folded(lines, nvmeColumn, nothing.nvme, head, false);
}

function linesOf<T>(hosts: readonly HostDevices<T>[], line: (device: T) => Line): Lines {
  return [...hosts]
    .sort((left, right) => (left.host < right.host ? -1 : 1))
    .map(({ host, devices }) => ({ host, devices: devices.map(line) }));
}

/** Errors in a table, then hosts with the same result together. */
function folded(
  lines: Lines,
  column: string,
  none: string,
  head: (devices: string[]) => string,
  showResult = true,
): string {
  const errorRows = lines.flatMap(({ host, devices }) =>
    devices
      .filter(({ error }) => error !== "")
      .map(({ device, error }) => ({ Host: host, [column]: device, Error: error })),
  );
  const errors =
    errorRows.length === 0
      ? ""
      : `Errors:\n${indentLines(formatTable(["Host", column, "Error"], errorRows, { margin: 4 }))}`;
  const results = new Map<string, { hosts: Set<string>; devices: string[] }>();
  const resultOf = (text: string) => {
    const found = results.get(text) ?? { hosts: new Set<string>(), devices: [] };
    results.set(text, found);
    return found;
  };
  for (const { host, devices } of lines) {
    if (devices.length === 0) resultOf(none).hosts.add(host);
    for (const { device, text, error } of devices) {
      if (error !== "") continue;
      resultOf(text).hosts.add(host);
      resultOf(text).devices.push(device);
    }
  }
  const parts = [...results].sort(([left], [right]) => (left < right ? -1 : 1));
  return (
    errors +
    parts
      .map(([text, { hosts, devices }]) => {
        const body =
          devices.length === 0 ? text : `${head(devices)}${showResult ? `\n${indentLines(text)}` : ""}`;
        return `${banner(printableHosts([...hosts]))}${indentLines(body)}\n`;
      })
      .join("")
  );
}

function byHost(lines: Lines, none: string): string {
  return lines
    .map(({ host, devices }) => {
      const body = devices.map(
        ({ device, text, error }) => `${device}\n${indentLines(error === "" ? text : `Error: ${error}`)}\n`,
      );
      return `${banner(host)}${indentLines(devices.length === 0 ? `${none}\n` : body.join(""))}`;
    })
    .join("");
}

function moduleId(module: ScmModule | undefined): string {
  const numbers = [
    module?.physicalid ?? 0,
    module?.socketid ?? 0,
    module?.controllerid ?? 0,
    module?.channelid ?? 0,
    module?.channelposition ?? 0,
  ];
  return `${module?.uid ?? ""}:${numbers.join(":")}`;
}

function moduleText(module: ScmModule | undefined): string {
  if (module === undefined) return "";
  const health = module.healthState === "" ? "" : ` Health:${module.healthState}`;
  return (
    `UID:${module.uid} PhysicalID:${module.physicalid} Capacity:${formatIecBytes(module.capacity)} ` +
    `Location:(socket:${module.socketid} memctrlr:${module.controllerid} ` +
    `chan:${module.channelid} pos:${module.channelposition})${health}`
  );
}

function scmText(item: ScmFirmwareQueryResp): string {
  return [
    `Active Version: ${item.activeVersion || "N/A"}`,
    `Staged Version: ${item.stagedVersion || "N/A"}`,
    `Maximum Firmware Image Size: ${formatIecBytes(item.imageMaxSizeBytes)}`,
    `Last Update Status: ${updateStatus[item.updateStatus] ?? "Unknown"}`,
  ].join("\n");
}
