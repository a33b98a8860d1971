import { constants, open } from "node:fs/promises";
import { errorText } from "../../faults/fault.ts";
import { faultMissingProgram } from "../../faults/library.ts";
import { faultScmCommand } from "../../faults/scm.ts";
import { readText } from "../pci/roots.ts";
import { RefusedError } from "../rules.ts";

/** What a device holds: nothing we know, an ext4 file system, or another one (by name). */
export type FoundFilesystem = "none" | "ext4" | (string & {});

/** A terabyte takes a minute: inode tables are written at once. */
const MKFS_TIMEOUT_MS = 600_000;
const PROBE_BYTES = 128 * 1024;
const EXT_MAGIC_OFFSET = 0x438;
const EXT_INCOMPAT_OFFSET = 0x460;
/** Extents: what makes ext4 of ext2 and ext3. */
const EXT4_FEATURE_EXTENTS = 0x40;

/** Text at an offset, and the name of what has it. */
const SIGNATURES: readonly (readonly [offset: number, text: string, name: string])[] = [
  [0, "XFSB", "xfs"],
  [0x10040, "_BHRfS_M", "btrfs"],
  [0, "LUKS\u00ba\u00be", "luks"],
  [0x218, "LVM2 001", "lvm2"],
  [0x1fe, "\u0055\u00aa", "partition table"],
  [0x200, "EFI PART", "partition table"],
  [4086, "SWAPSPACE2", "swap"],
];

/** Names the file system in the first 128 KiB of a device. Exported for tests. */
export function recognizeFilesystem(head: Uint8Array): FoundFilesystem {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (bytes.length > EXT_INCOMPAT_OFFSET + 4 && bytes.readUInt16LE(EXT_MAGIC_OFFSET) === 0xef53) {
    return bytes.readUInt32LE(EXT_INCOMPAT_OFFSET) & EXT4_FEATURE_EXTENTS ? "ext4" : "ext2";
  }
  const found = SIGNATURES.find(
    ([offset, text]) => bytes.toString("latin1", offset, offset + text.length) === text,
  );
  return found?.[2] ?? "none";
}

/** @throws RefusedError when it is no block device. */
async function readHead(device: string): Promise<Uint8Array> {
  const file = await open(device, constants.O_RDONLY);
  try {
    if (!(await file.stat()).isBlockDevice()) throw new RefusedError(`${device} is not a block device`);
    const buffer = Buffer.alloc(PROBE_BYTES);
    const { bytesRead } = await file.read(buffer, 0, PROBE_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

export async function probeFilesystem(device: string): Promise<FoundFilesystem> {
  return recognizeFilesystem(await readHead(device));
}

/**
 * Options of 2.6 for the file system of a memory tier: no journal of its own behind, few inodes, groups packed
 * so that data lies in huge pages (`stride` is 2 MiB in blocks).
 */
export const MKFS_OPTIONS = [
  ...["-q", "-D", "-L", "daos", "-m", "0", "-b", "4096", "-I", "128", "-i", "67108864"],
  ...["-E", "stride=512,lazy_itable_init=0,lazy_journal_init=0,nodiscard,packed_meta_blocks=1"],
  ...["-O", "flex_bg,^uninit_bg,^resize_inode,^extra_isize,sparse_super2,^metadata_csum"],
  ...["-G", "128"],
] as const;

/**
 * Makes the ext4 file system of a memory tier.
 * @throws RefusedError when the device is mounted, or holds a file system and `force` is false.
 */
export async function makeFilesystem(device: string, force: boolean): Promise<void> {
  const mounts = (await readText("/proc/self/mounts")) ?? "";
  if (mounts.split("\n").some((line) => line.startsWith(`${device} `))) {
    throw new RefusedError(`${device} is mounted`);
  }
  const found = await probeFilesystem(device);
  if (found !== "none" && !force) throw new RefusedError(`${device} holds a file system (${found})`);
  const program = Bun.which("mkfs.ext4");
  if (program === null) throw faultMissingProgram("mkfs.ext4", "install the package e2fsprogs");
  const child = Bun.spawn([program, ...(force ? ["-F"] : []), ...MKFS_OPTIONS, device], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: MKFS_TIMEOUT_MS,
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (child.exitCode === 0) return;
  const said = `${stdout}${stderr}`.trim().replaceAll("\n", "; ");
  throw faultScmCommand(
    `mkfs.ext4 ${device}`,
    said === "" ? `exit status ${child.exitCode}` : errorText(said),
  );
}
