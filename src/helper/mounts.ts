import { MountFlag, mount, unmount } from "../ffi/mount.ts";
import type { HelperRequest } from "./protocol.ts";
import { checkMounted, checkSource, checkTarget } from "./rules.ts";

/** Storage holds data: no programs with rights of their own, no devices. */
const ALWAYS = MountFlag.nosuid | MountFlag.nodev;

/** Splits what follows `mount -o` into flags of mount(2) and data for the filesystem. */
export function parseMountOptions(options: string): { flags: number; data: string } {
  let flags: number = ALWAYS;
  const data: string[] = [];
  for (const option of options.split(",").filter((text) => text !== "")) {
    if (Object.hasOwn(MountFlag, option)) flags |= MountFlag[option as keyof typeof MountFlag];
    else data.push(option);
  }
  return { flags, data: data.join(",") };
}

export async function mountStorage(request: Extract<HelperRequest, { op: "mount" }>): Promise<void> {
  await checkTarget(request.target);
  await checkSource(request);
  const { flags, data } = parseMountOptions(request.options);
  mount(request.source, request.target, request.fstype, flags, data);
}

export async function unmountStorage(request: Extract<HelperRequest, { op: "unmount" }>): Promise<void> {
  await checkTarget(request.target);
  await checkMounted(request.target);
  unmount(request.target, request.lazy);
}
