import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { libraryNames, SPDK_RELEASES } from "../../src/ffi/spdk/releases.ts";

export const STANDIN_SOURCE = path.join(import.meta.dir, "spdk-standin.c");

/** A folder with stand-ins for the libraries of SPDK 22.01: all functions are in the NVMe driver. */
export function buildStandIn(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-spdk-"));
  const empty = path.join(folder, "empty.c");
  fs.writeFileSync(empty, "int daosctl_stand_in_empty;\n");
  const names = libraryNames(SPDK_RELEASES[0]!);
  for (const name of names) {
    const source = name.startsWith("libspdk_nvme") ? STANDIN_SOURCE : empty;
    const built = Bun.spawnSync(["gcc", "-w", "-shared", "-fPIC", "-o", path.join(folder, name), source]);
    if (built.exitCode !== 0) throw new Error(built.stderr.toString());
  }
  return folder;
}
