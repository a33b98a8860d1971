import fs from "node:fs/promises";
import type { HelperRequest } from "./protocol.ts";

/** What a request asks for is not something the helper does for anybody. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}

/** Folders that make the system what it is: nothing is mounted on or taken off them or what is in them. */
const PROTECTED_TREES = [
  "/bin",
  "/boot",
  "/dev",
  "/etc",
  "/lib",
  "/lib32",
  "/lib64",
  "/proc",
  "/root",
  "/sbin",
  "/sys",
  "/usr",
];
/** Folders that are no place for storage themselves, though what is in them may be. */
const PROTECTED_FOLDERS = [
  "/",
  "/home",
  "/media",
  "/mnt",
  "/opt",
  "/run",
  "/srv",
  "/tmp",
  "/var",
  "/var/lib",
  "/var/log",
  "/var/run",
];

/**
 * Checks the target of a request against the file system as it is now.
 * @throws RefusedError when it is no folder, is reached through a link, or is not ours to touch.
 */
export async function checkTarget(target: string): Promise<void> {
  const inTree = PROTECTED_TREES.some((tree) => target === tree || target.startsWith(`${tree}/`));
  if (inTree || PROTECTED_FOLDERS.includes(target))
    throw new RefusedError(`${target} is not a place for storage`);
  let real: string;
  try {
    real = await fs.realpath(target);
  } catch (error) {
    throw new RefusedError(
      `${target} cannot be used: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
    );
  }
  if (real !== target) throw new RefusedError(`${target} is reached through a link (it is ${real})`);
  if (!(await fs.stat(target)).isDirectory()) throw new RefusedError(`${target} is not a folder`);
}

/** @throws RefusedError when a filesystem on a device is asked for and `source` is no block device. */
export async function checkSource(request: Extract<HelperRequest, { op: "mount" }>): Promise<void> {
  if (request.fstype === "tmpfs") return;
  const stat = await fs.stat(request.source).catch(() => undefined);
  if (stat === undefined || !stat.isBlockDevice())
    throw new RefusedError(`${request.source} is not a block device`);
}

/** Types that the helper mounts, and so takes off. */
const OUR_FSTYPES = ["tmpfs", "ext4"];

/** @throws RefusedError when the uppermost filesystem on `target` is none of ours. */
export async function checkMounted(target: string): Promise<void> {
  const fstype = fstypeAt(await fs.readFile("/proc/self/mountinfo", "utf8"), target);
  if (fstype === undefined) throw new RefusedError(`${target} is not mounted`);
  if (!OUR_FSTYPES.includes(fstype)) throw new RefusedError(`${target} is a ${fstype}, not storage of ours`);
}

/** Type of the uppermost mount on `target` in the text of /proc/<pid>/mountinfo (proc(5)). */
export function fstypeAt(mountinfo: string, target: string): string | undefined {
  let found: string | undefined;
  for (const line of mountinfo.split("\n")) {
    const [mount = "", filesystem = ""] = line.split(" - ");
    if (unescapeOctal(mount.split(" ")[4] ?? "") === target) found = filesystem.split(" ")[0];
  }
  return found;
}

/** Blanks and backslashes in paths are written \040, \134 … there. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
