import { realpath } from "node:fs/promises";
import path from "node:path";
import { type HostRoots, names, readInteger, readText } from "./roots.ts";

/** A block device of a controller, and who uses it. */
export interface BlockDevice {
  readonly name: string;
  readonly sizeBytes: number;
  /** Why it must not be taken away: "mounted at /data", "partitioned", "held by dm-0". Empty: it is free. */
  readonly uses: readonly string[];
}

interface BlockFact extends BlockDevice {
  /** Real path in sysfs, which tells the controller. */
  readonly real: string;
}

const SECTOR_BYTES = 512;

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** Mount points by "major:minor" and by source, out of mountinfo (proc(5)). */
function mountPoints(mountinfo: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (key: string, point: string) => found.set(key, [...(found.get(key) ?? []), point]);
  for (const line of mountinfo.split("\n")) {
    const [mount = "", filesystem = ""] = line.split(" - ");
    const [, , device, , point] = mount.split(" ");
    const source = filesystem.split(" ")[1];
    if (device === undefined || point === undefined) continue;
    add(device, unescapeOctal(point));
    // btrfs and others show a device number of their own.
    if (source?.startsWith("/dev/")) add(unescapeOctal(source), unescapeOctal(point));
  }
  return found;
}

/** Devices of /proc/swaps. */
function swapDevices(swaps: string): Set<string> {
  return new Set(
    swaps
      .split("\n")
      .slice(1)
      .map((line) => unescapeOctal(line.split(/\s/)[0] ?? "")),
  );
}

interface UseTables {
  readonly mounts: ReadonlyMap<string, readonly string[]>;
  readonly swaps: ReadonlySet<string>;
}

async function directUses(folder: string, name: string, tables: UseTables): Promise<string[]> {
  const uses: string[] = [];
  const number = await readText(path.join(folder, "dev"));
  const points = [...(tables.mounts.get(number ?? "") ?? []), ...(tables.mounts.get(`/dev/${name}`) ?? [])];
  for (const point of new Set(points)) uses.push(`${name} is mounted at ${point}`);
  if (tables.swaps.has(`/dev/${name}`)) uses.push(`${name} is swap space`);
  for (const holder of await names(path.join(folder, "holders"))) uses.push(`${name} is held by ${holder}`);
  return uses;
}

/** A path of a shared namespace ("nvme0c1n1") stands for the disk that has the mounts ("nvme0n1"). */
function diskOf(name: string): string {
  return name.replace(/^(nvme\d+)c\d+(n\d+)$/, "$1$2");
}

async function readUses(roots: HostRoots, name: string, tables: UseTables): Promise<string[]> {
  const disk = diskOf(name);
  const folder = path.join(roots.sys, "class/block", disk);
  const uses = await directUses(folder, disk, tables);
  for (const part of await names(folder)) {
    const partFolder = path.join(folder, part);
    if ((await readInteger(path.join(partFolder, "partition"))) === undefined) continue;
    uses.push(`${disk} has partition ${part}`, ...(await directUses(partFolder, part, tables)));
  }
  return uses;
}

/** All block devices that are on a PCI device, with their uses. */
export async function readBlockFacts(roots: HostRoots): Promise<BlockFact[]> {
  const tables: UseTables = {
    mounts: mountPoints((await readText(path.join(roots.proc, "self/mountinfo"))) ?? ""),
    swaps: swapDevices((await readText(path.join(roots.proc, "swaps"))) ?? ""),
  };
  const facts: BlockFact[] = [];
  const root = path.join(roots.sys, "class/block");
  for (const name of await names(root)) {
    if (!/^nvme\d+(c\d+)?n\d+$/.test(name)) continue;
    const real = await realpath(path.join(root, name));
    facts.push({
      name: diskOf(name),
      real,
      sizeBytes: ((await readInteger(path.join(root, name, "size"))) ?? 0) * SECTOR_BYTES,
      uses: await readUses(roots, name, tables),
    });
  }
  return facts;
}

/** Block devices below a device's real path. */
export function blockDevicesOf(facts: readonly BlockFact[], deviceReal: string): BlockDevice[] {
  return facts
    .filter((fact) => fact.real.startsWith(`${deviceReal}/`))
    .map(({ name, sizeBytes, uses }) => ({ name, sizeBytes, uses }));
}
