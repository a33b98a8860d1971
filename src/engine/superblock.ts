import { readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { parse, stringify } from "yaml";
import { syncFolder, writeFileDurable } from "../files/durable.ts";

/** The one version that 2.6 writes and reads. */
const VERSION = 1;

/** What an engine's storage says about whose it is. */
export interface Superblock {
  readonly version: number;
  readonly uuid: string;
  /** System name. */
  readonly system: string;
  /** undefined until the first join. */
  readonly rank: number | undefined;
  /** Fabric URI of the last join; "" before it. */
  readonly uri: string;
  /** The rank was given by the system (true) or only meant to be asked for (false). */
  readonly validRank: boolean;
  /** "/host" or "/rack/host". */
  readonly hostFaultDomain: string;
}

/** A superblock for storage that was just formatted. */
export function newSuperblock(uuid: string, system: string, hostFaultDomain: string): Superblock {
  return { version: VERSION, uuid, system, rank: undefined, uri: "", validRank: false, hostFaultDomain };
}

/** The file's text; keys, order and spelling of 2.6. */
export function formatSuperblock(superblock: Superblock): string {
  return stringify(
    {
      version: superblock.version,
      uuid: superblock.uuid,
      system: superblock.system,
      rank: superblock.rank ?? null,
      uri: superblock.uri,
      validrank: superblock.validRank,
      hostfaultdomain: superblock.hostFaultDomain,
    },
    { lineWidth: 0 },
  );
}

function requireField<T>(
  fields: Readonly<Record<string, unknown>>,
  key: string,
  accept: (value: unknown) => value is T,
): T {
  const value = fields[key];
  if (!accept(value)) throw new Error(`superblock: bad or missing "${key}": ${JSON.stringify(value)}`);
  return value;
}

const isString = (value: unknown): value is string => typeof value === "string";
const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
const isRank = (value: unknown): value is number | null | undefined =>
  value === null || value === undefined || isCount(value);

/** @throws Error naming the key that is missing or of another kind. */
export function parseSuperblock(text: string): Superblock {
  const document: unknown = parse(text);
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new Error("superblock: not a YAML mapping");
  }
  const fields = document as Readonly<Record<string, unknown>>;
  const version = requireField(fields, "version", isCount);
  if (version !== VERSION) throw new Error(`superblock: unknown version ${version} (want ${VERSION})`);
  const uuid = requireField(fields, "uuid", isString);
  if (uuid === "") throw new Error('superblock: empty "uuid"');
  return {
    version,
    uuid,
    system: requireField(fields, "system", isString),
    rank: requireField(fields, "rank", isRank) ?? undefined,
    uri: requireField(fields, "uri", isString),
    validRank: requireField(fields, "validrank", isBoolean),
    hostFaultDomain: requireField(fields, "hostfaultdomain", isString),
  };
}

/** undefined when there is none; throws when there is one that cannot be read. */
export async function readSuperblock(path: string): Promise<Superblock | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return parseSuperblock(text);
}

/** Resolves when the superblock would survive power loss. */
export async function writeSuperblock(path: string, superblock: Superblock): Promise<void> {
  await writeFileDurable(path, formatSuperblock(superblock), 0o600);
}

export async function removeSuperblock(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}
