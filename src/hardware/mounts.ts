import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

/** One line of /proc/self/mountinfo. */
export interface Mount {
  /** "major:minor" of the file system's device. */
  readonly device: string;
  readonly mountPoint: string;
  /** Options of this mount ("rw,noatime"). */
  readonly options: string;
  readonly fsType: string;
  /** Block device, "tmpfs", … */
  readonly source: string;
  /** Options of the file system itself ("rw,size=4194304k,huge=always"). */
  readonly superOptions: string;
}

/** The kernel writes blank, tab, newline and backslash in paths as \ooo. */
function unescapePath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Reads mountinfo text (proc(5)); lines of another shape are skipped. */
export function parseMountInfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n")) {
    const [left, right] = line.split(" - ", 2);
    if (left === undefined || right === undefined) continue;
    const mountFields = left.split(" ");
    const [fsType, source, superOptions] = right.split(" ");
    const [, , device, , mountPoint, options] = mountFields;
    if (device === undefined || mountPoint === undefined || options === undefined) continue;
    if (fsType === undefined || source === undefined) continue;
    mounts.push({
      device,
      mountPoint: unescapePath(mountPoint),
      options,
      fsType,
      source: unescapePath(source),
      superOptions: superOptions ?? "",
    });
  }
  return mounts;
}

/** The mounts this process sees, in the order they were made. */
export async function readMounts(path = "/proc/self/mountinfo"): Promise<Mount[]> {
  return parseMountInfo(await readFile(path, "utf8"));
}

/** What is mounted at a folder, or from a block device: the last one hides those before it. */
export function findMount(mounts: readonly Mount[], target: string): Mount | undefined {
  const path = resolve(target);
  return mounts.findLast((mount) => mount.mountPoint === path || mount.source === path);
}
