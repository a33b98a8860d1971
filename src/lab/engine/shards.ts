import { statfs } from "node:fs/promises";
import { Der, DerError } from "./der.ts";
import type { Documents } from "./storage.ts";

/** The part of a pool that lives on this engine. */
export interface Shard {
  readonly uuid: string;
  readonly scmBytes: bigint;
  readonly nvmeBytes: bigint;
  readonly targets: number;
}

/** What this engine's tiers hold. */
export interface Capacity {
  readonly scmBytes: bigint;
  readonly nvmeBytes: bigint;
}

export interface Shards {
  list(): readonly Shard[];
  get(uuid: string): Shard | undefined;
  /**
   * Sets space aside, durably. A shard that is there already is left as it is: 2.6 repeats creations.
   * @throws DerError DER_NOSPACE when a tier has not enough left
   */
  create(uuid: string, scmBytes: bigint, nvmeBytes: bigint): Promise<Shard>;
  destroy(uuid: string): Promise<void>;
}

/** Smallest file of a target, and its alignment (2.6.0: 16 MiB, 4 KiB). */
const minTargetBytes = 1n << 24n;
const alignBytes = 4096n;

/** What a request for `bytes` in SCM becomes on an engine with so many targets. */
export function alignScm(bytes: bigint, targets: number): bigint {
  const n = BigInt(targets);
  const target = bytes / n > minTargetBytes ? bytes / n : minTargetBytes;
  return ((target + alignBytes - 1n) / alignBytes) * alignBytes * n;
}

const prefix = "shard-";

export async function openShards(
  documents: Documents,
  targets: number,
  capacity: () => Capacity,
): Promise<Shards> {
  const shards = new Map<string, Shard>();
  for (const name of await documents.names()) {
    if (!name.startsWith(prefix)) continue;
    const shard = (await documents.get(name)) as Shard;
    shards.set(shard.uuid, shard);
  }
  const used = (tier: "scmBytes" | "nvmeBytes") => [...shards.values()].reduce((sum, s) => sum + s[tier], 0n);

  return {
    list: () => [...shards.values()].sort((a, b) => (a.uuid < b.uuid ? -1 : 1)),
    get: (uuid) => shards.get(uuid),
    async create(uuid, scmBytes, nvmeBytes) {
      const known = shards.get(uuid);
      if (known !== undefined) return known;
      const n = BigInt(targets);
      const shard: Shard = {
        uuid,
        scmBytes: alignScm(scmBytes, targets),
        nvmeBytes: (nvmeBytes / n) * n,
        targets,
      };
      const has = capacity();
      if (
        used("scmBytes") + shard.scmBytes > has.scmBytes ||
        used("nvmeBytes") + shard.nvmeBytes > has.nvmeBytes
      ) {
        throw new DerError(Der.NOSPACE, `no space for pool ${uuid}`);
      }
      // Reserved before the write, so that a second creation meanwhile cannot take the same space.
      shards.set(uuid, shard);
      try {
        await documents.put(prefix + uuid, shard);
      } catch (error) {
        shards.delete(uuid);
        throw error;
      }
      return shard;
    },
    async destroy(uuid) {
      await documents.remove(prefix + uuid);
      shards.delete(uuid);
    },
  };
}

/** Bytes of the file system a folder is on. */
export async function fileSystemBytes(path: string): Promise<bigint> {
  const stats = await statfs(path, { bigint: true });
  return stats.bsize * stats.blocks;
}
