import { readFile } from "node:fs/promises";

/** Memory of the host as /proc/meminfo tells it. Counts are pages, sizes KiB. */
export interface MemInfo {
  readonly hugepagesTotal: number;
  readonly hugepagesFree: number;
  readonly hugepagesReserved: number;
  readonly hugepagesSurplus: number;
  readonly hugepageSizeKib: number;
  readonly memTotalKib: number;
  readonly memFreeKib: number;
  readonly memAvailableKib: number;
}

const FIELDS: Readonly<Record<string, keyof MemInfo>> = {
  HugePages_Total: "hugepagesTotal",
  HugePages_Free: "hugepagesFree",
  HugePages_Rsvd: "hugepagesReserved",
  HugePages_Surp: "hugepagesSurplus",
  Hugepagesize: "hugepageSizeKib",
  MemTotal: "memTotalKib",
  MemFree: "memFreeKib",
  MemAvailable: "memAvailableKib",
};

/** Reads the fields we use out of the text of /proc/meminfo; an absent one is 0. */
export function parseMemInfo(text: string): MemInfo {
  const info: Record<keyof MemInfo, number> = {
    hugepagesTotal: 0,
    hugepagesFree: 0,
    hugepagesReserved: 0,
    hugepagesSurplus: 0,
    hugepageSizeKib: 0,
    memTotalKib: 0,
    memFreeKib: 0,
    memAvailableKib: 0,
  };
  for (const line of text.split("\n")) {
    const match = /^(\w+):\s*(\d+)(?:\s+(\S+))?\s*$/.exec(line);
    if (match === null) continue;
    const field = FIELDS[match[1] ?? ""];
    if (field === undefined) continue;
    if (match[3] !== undefined && match[3] !== "kB") throw new Error(`unhandled size unit "${match[3]}"`);
    info[field] = Number(match[2]);
  }
  return info;
}

/** @param path another file than /proc/meminfo, for tests. */
export async function readMemInfo(path = "/proc/meminfo"): Promise<MemInfo> {
  return parseMemInfo(await readFile(path, "utf8"));
}
