import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileDurable } from "../../files/durable.ts";
import { etcdAsset } from "./asset.ts";

export interface InstalledEtcd {
  /** Absolute path of the program. */
  readonly path: string;
  readonly version: string;
}

/**
 * Puts the etcd server that this executable carries into `dir`, unless it is there: written aside, synced,
 * renamed, so that whoever looks finds all of it or nothing; two that do it at once do the same. A file that
 * is there is checked by its hash, and replaced when it is not what it should be.
 * @throws Fault 600 when this build carries none; the error of the file system
 */
export async function installEtcd(dir: string): Promise<InstalledEtcd> {
  const asset = await etcdAsset();
  const name = `etcd-${asset.version}-${asset.sha256.slice(0, 12)}`;
  const path = join(dir, name);
  if ((await sha256Of(path)) === asset.sha256) return { path, version: asset.version };
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeFileDurable(path, await asset.read(), 0o700);
  await removeOthers(dir, name);
  return { path, version: asset.version };
}

/** undefined when there is no such file. */
async function sha256Of(path: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return hash.digest("hex");
}

/** A draft that has not been touched for so long is nobody's. */
const draftLifeMs = 10 * 60_000;

/** Removes programs of earlier versions, and drafts of starts that were broken off. */
async function removeOthers(dir: string, keep: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (name === keep || !/^\.?etcd-/.test(name)) continue;
    const path = join(dir, name);
    const found = await stat(path).catch(() => undefined);
    const inWork = name.startsWith(".") && found !== undefined && Date.now() - found.mtimeMs < draftLifeMs;
    if (!inWork) await rm(path, { force: true });
  }
}
