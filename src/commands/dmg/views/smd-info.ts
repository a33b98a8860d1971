import type { HostGroup } from "../../../client/host-results.ts";
import type { RankDevice, RankPool, SmdAnswer, SmdInfo } from "../../../client/smd.ts";
import type { Json } from "../../../ui/json.ts";
import { banner, indentLines } from "../../../ui/table.ts";
import { hostErrorsDocument, listOrNull, printableHosts } from "./common.ts";
import {
  dataTargets,
  deviceStateName,
  hasSystemStream,
  ledStateName,
  roleNames,
  smdDeviceDocument,
} from "./smd.ts";
import { hostStorageDocument, hostStorageMap } from "./storage.ts";
import { healthText } from "./storage-health.ts";

export function smdDocument(answer: SmdAnswer): Json {
  return {
    host_errors: hostErrorsDocument(answer.errors),
    host_storage_map: hostStorageMap(answer.groups, (info) =>
      hostStorageDocument({ smd_info: info === undefined ? null : infoDocument(info) }),
    ),
  };
}

function infoDocument({ devices, pools }: SmdInfo): Json {
  const byUuid = new Map<string, Json[]>();
  for (const pool of pools ?? []) {
    byUuid.set(pool.uuid, [...(byUuid.get(pool.uuid) ?? []), poolDocument(pool)]);
  }
  return {
    devices: listOrNull(devices.map(({ device, rank }) => smdDeviceDocument(device, rank))),
    pools:
      pools === undefined ? null : new Map([...byUuid].sort(([left], [right]) => (left < right ? -1 : 1))),
  };
}

function poolDocument({ uuid, targetIds, blobs, rank }: RankPool): Json {
  return { uuid, tgt_ids: listOrNull(targetIds), blobs: listOrNull(blobs), rank };
}

export interface SmdView {
  readonly devices: boolean;
  readonly pools: boolean;
  readonly verbose: boolean;
  /** Only what identifies a device, and the state of its LED. */
  readonly ledOnly?: boolean;
}

export function smdText(groups: readonly HostGroup<SmdInfo | undefined>[], view: SmdView): string {
  return groups
    .map(({ value, hosts }) => {
      const head = banner(printableHosts(hosts, groups));
      if (value === undefined) return `${head}  No SMD info returned\n`;
      const devices = view.devices ? devicesText(value.devices, view) : "";
      return head + indentLines(devices + (view.pools ? poolsText(value.pools ?? [], view) : ""));
    })
    .join("");
}

function devicesText(devices: readonly RankDevice[], view: SmdView): string {
  if (devices.length === 0) return "No devices found\n";
  const texts = devices.map((item) => (view.ledOnly ? ledText(item) : deviceText(item)));
  return `Devices\n${indentLines(texts.join(""))}`;
}

function ledText({ device }: RankDevice): string {
  const namespace = device.ctrlrNamespaceId > 0 ? ` NSID:${device.ctrlrNamespaceId}` : "";
  const uuid = device.uuid === "" ? "" : ` [UUID:${device.uuid}]`;
  return `TrAddr:${device.ctrlr?.pciAddr ?? ""}${namespace}${uuid} LED:${ledStateName(device.ctrlr?.ledState ?? 0)}\n`;
}

function deviceText({ device, rank }: RankDevice): string {
  const namespace = device.ctrlrNamespaceId > 0 ? ` NSID:${device.ctrlrNamespaceId}` : "";
  const controller = device.ctrlr;
  const head = `UUID:${device.uuid} [TrAddr:${controller?.pciAddr ?? ""}${namespace}]\n`;
  const detail =
    `  Roles:${roleNames(device.roleBits)} ${hasSystemStream(device) ? "SysXS " : ""}` +
    `Targets:[${dataTargets(device).join(" ")}] Rank:${rank} ` +
    `State:${deviceStateName(controller?.devState ?? 0)} LED:${ledStateName(controller?.ledState ?? 0)}\n`;
  if (!controller?.healthStats) return head + detail;
  return `${head}${detail}${indentLines(healthText(controller.healthStats))}\n`;
}

function poolsText(pools: readonly RankPool[], view: SmdView): string {
  if (pools.length === 0) return "No pools with NVMe found\n";
  const byUuid = new Map<string, string>();
  for (const pool of pools) {
    const blobs = view.verbose ? ` Blobs:[${pool.blobs.join(" ")}]` : "";
    const line = `  Rank:${pool.rank} Targets:[${pool.targetIds.join(" ")}]${blobs}\n`;
    byUuid.set(pool.uuid, (byUuid.get(pool.uuid) ?? "") + line);
  }
  const texts = [...byUuid].sort(([left], [right]) => (left < right ? -1 : 1));
  return `Pools\n${indentLines(texts.map(([uuid, lines]) => `UUID:${uuid}\n${lines}`).join("\n"))}`;
}
