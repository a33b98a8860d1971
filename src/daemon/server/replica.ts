import { join } from "node:path";
import { isBdevTier, isScmTier, type ServerConfig } from "../../config/types.ts";
import type { EngineFacts } from "../../services/management/index.ts";
import { metadataFolder } from "../../storage/metadata.ts";

/** Folder of the system's database: where 2.6 keeps its own, so that erasing either finds both. */
const FOLDER = "control_raft";

/** undefined for a server without engines, which has no storage to keep a database on. */
export function databaseFolder(config: ServerConfig): string | undefined {
  const metadata = metadataFolder(config.controlMetadata);
  if (metadata !== undefined) return join(metadata, FOLDER);
  const tier = config.engines[0]?.storage.find(isScmTier);
  return tier === undefined ? undefined : join(tier.scmMount, FOLDER);
}

/** What pool sizes are checked against. Validation has made all engines alike in this. */
export function engineFacts(config: ServerConfig): EngineFacts {
  const engine = config.engines[0];
  const bdevs = engine?.storage.filter(isBdevTier) ?? [];
  return {
    targetCount: engine?.targets ?? 0,
    hasNvme: bdevs.length > 0,
    hasMetaRole: bdevs.some((tier) => tier.bdevRoles.includes("meta")),
  };
}
