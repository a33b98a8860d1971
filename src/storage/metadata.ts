import { mkdir, rename, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ControlMetadataConfig } from "../config/types.ts";
import { makeFolder, syncFolder } from "../files/durable.ts";
import { exists } from "../files/exists.ts";
import { findMount, readMounts } from "../hardware/mounts.ts";
import { faultBadMetadataFilesystem, faultClassNotSupported } from "./faults.ts";

/** Folder that 2.6 keeps its files in below `control_metadata.path`. */
const SUBFOLDER = "daos_control";

const NFS_SUPER_MAGIC = 0x6969;

/** The folder of the control plane's own files, or undefined when they live on the memory tier. */
export function metadataFolder(config: ControlMetadataConfig): string | undefined {
  return config.path === undefined || config.path === "" ? undefined : join(config.path, SUBFOLDER);
}

/** The part of it that belongs to one engine. */
export function metadataEngineFolder(config: ControlMetadataConfig, engineIndex: number): string | undefined {
  const folder = metadataFolder(config);
  return folder === undefined ? undefined : join(folder, `engine${engineIndex}`);
}

/** A device is configured and is not mounted: what the path shows is not what it will hold. */
async function isMissingDevice(config: ControlMetadataConfig): Promise<boolean> {
  if (config.device === undefined || config.device === "" || config.path === undefined) return false;
  return findMount(await readMounts(), config.path) === undefined;
}

export async function metadataNeedsFormat(config: ControlMetadataConfig): Promise<boolean> {
  const folder = metadataFolder(config);
  if (folder === undefined) return false;
  if (await isMissingDevice(config)) return true;
  return !(await exists(folder));
}

/** A folder several servers share would have them overwrite each other's files. */
async function refuseSharedFilesystem(path: string): Promise<void> {
  let probe = path;
  while (!(await exists(probe)) && probe !== "/") probe = dirname(probe);
  if ((await statfs(probe)).type === NFS_SUPER_MAGIC) throw faultBadMetadataFilesystem(path, "nfs");
}

/**
 * Makes the folders anew, empty. The new tree is built aside and put in place as one step, so that a crash
 * leaves either nothing (format again) or all of it.
 */
export async function formatMetadata(
  config: ControlMetadataConfig,
  engineIndexes: readonly number[],
): Promise<void> {
  const folder = metadataFolder(config);
  if (folder === undefined || config.path === undefined) return;
  if (await isMissingDevice(config)) throw faultClassNotSupported("kdev", "format for control_metadata");
  await refuseSharedFilesystem(config.path);
  await makeFolder(config.path);
  const fresh = `${folder}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o755 });
  for (const index of engineIndexes) await mkdir(join(fresh, `engine${index}`), { mode: 0o755 });
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
  await syncFolder(config.path);
}
