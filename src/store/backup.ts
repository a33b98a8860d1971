import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { errorText, Fault } from "../faults/fault.ts";
import { writeFileDurable } from "../files/durable.ts";

/**
 * A backup is one file: zstd over one JSON document, which holds every record of one moment and the checksum of
 * them. It is the same for every kind of store, and can be read and checked anywhere.
 */
const backupSchema = z.object({
  kind: z.literal("daosctl management service backup"),
  form: z.literal(1),
  system: z.string(),
  /** RFC 3339. */
  createdAt: z.string(),
  /** Version of the system. */
  dataVersion: z.string(),
  members: z.number().int(),
  pools: z.number().int(),
  /** Over the records, see checksum(). */
  sha256: z.string(),
  records: z.record(z.string(), z.string()),
});

export interface BackupInfo {
  readonly path: string;
  readonly system: string;
  readonly createdAt: string;
  readonly dataVersion: bigint;
  readonly members: number;
  readonly pools: number;
  readonly sizeBytes: number;
}

export interface Backup extends BackupInfo {
  readonly records: ReadonlyMap<string, string>;
}

const suffix = ".daosms";

/** Folder of the backups of the database in `dir`. */
export function backupFolder(dir: string): string {
  return join(dir, "backups");
}

function checksum(records: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  for (const key of [...records.keys()].sort()) hash.update(JSON.stringify([key, records.get(key)]));
  return hash.digest("hex");
}

function count(records: ReadonlyMap<string, string>, prefix: string): number {
  return [...records.keys()].filter((key) => key.startsWith(prefix)).length;
}

function dataVersionOf(records: ReadonlyMap<string, string>): string {
  const meta = records.get("meta/system");
  return meta === undefined
    ? "0"
    : String((JSON.parse(meta) as { readonly version?: string }).version ?? "0");
}

/**
 * Writes a backup into `folder`, synced and whole or not at all; then removes the oldest until `keep` are left.
 */
export async function writeBackup(
  folder: string,
  records: ReadonlyMap<string, string>,
  options: { readonly system: string; readonly now: Date; readonly keep: number },
): Promise<BackupInfo> {
  const createdAt = options.now.toISOString();
  const document: z.infer<typeof backupSchema> = {
    kind: "daosctl management service backup",
    form: 1,
    system: options.system,
    createdAt,
    dataVersion: dataVersionOf(records),
    members: count(records, "member/"),
    pools: count(records, "pool/"),
    sha256: checksum(records),
    records: Object.fromEntries(records),
  };
  const bytes = await Bun.zstdCompress(JSON.stringify(document));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${createdAt.replace(/[:.]/g, "-")}${suffix}`);
  await writeFileDurable(path, bytes, 0o600);
  await prune(folder, options.keep);
  const { system, members, pools, dataVersion } = document;
  return {
    path,
    system,
    createdAt,
    members,
    pools,
    dataVersion: BigInt(dataVersion),
    sizeBytes: bytes.length,
  };
}

async function prune(folder: string, keep: number): Promise<void> {
  const names = await backupNames(folder);
  for (const name of names.slice(0, Math.max(0, names.length - keep)))
    await rm(join(folder, name), { force: true });
}

/** Oldest first: the names begin with the time. */
async function backupNames(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith(suffix)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** When the newest backup was made; undefined when there is none. */
export async function newestBackup(
  folder: string,
): Promise<{ readonly path: string; readonly madeAt: Date } | undefined> {
  const name = (await backupNames(folder)).at(-1);
  if (name === undefined) return undefined;
  const path = join(folder, name);
  return { path, madeAt: (await stat(path)).mtime };
}

/**
 * Reads a backup and checks it whole.
 * @throws Fault 600 saying what is wrong with it
 */
export async function readBackup(path: string): Promise<Backup> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw faultBackup(path, "cannot be read", errorText(error));
  }
  let document: z.infer<typeof backupSchema>;
  try {
    document = backupSchema.parse(JSON.parse(Buffer.from(await Bun.zstdDecompress(bytes)).toString("utf8")));
  } catch (error) {
    throw faultBackup(path, "is no backup of this version, or damaged", errorText(error));
  }
  const records = new Map(Object.entries(document.records));
  if (checksum(records) !== document.sha256)
    throw faultBackup(path, "is damaged", "its checksum is not that of its records");
  const { system, createdAt, dataVersion, members, pools } = document;
  return {
    path,
    system,
    createdAt,
    dataVersion: BigInt(dataVersion),
    members,
    pools,
    sizeBytes: bytes.length,
    records,
  };
}

function faultBackup(path: string, what: string, reason: string): Fault {
  return new Fault("server", 600, `the backup ${path} ${what}`, "use another backup", reason);
}
