import { constants } from "node:fs";
import { access, chmod, mkdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { selfCommand } from "../helper/self.ts";
import { labFault } from "./error.ts";
import type { LabLayout } from "./layout.ts";

/** A word of a shell command, whatever is in it. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function writeScript(path: string, command: readonly string[]): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, `#!/bin/sh\nexec ${command.map(shellWord).join(" ")} "$@"\n`);
  await chmod(path, 0o755);
}

async function link(path: string, target: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}

/**
 * Fills the lab's bin folder: dmg, daos_server and daos_agent are this executable, daos_engine is `enginePath`
 * or the lab's own engine. Servers find it there because the folder is first on their PATH.
 */
export async function makePrograms(layout: LabLayout, enginePath: string | undefined): Promise<void> {
  await mkdir(layout.bin, { recursive: true });
  const self = selfCommand();
  const [executable] = self;
  for (const [name, program] of [
    ["dmg", "dmg"],
    ["daos_server", "server"],
    ["daos_agent", "agent"],
  ] as const) {
    const path = join(layout.bin, name);
    if (self.length === 1 && executable !== undefined) await link(path, executable);
    else await writeScript(path, [...self, program]);
  }
  if (self.length === 1 && executable !== undefined) await link(join(layout.bin, "daosctl"), executable);
  else await writeScript(join(layout.bin, "daosctl"), self);
  const engine = join(layout.bin, "daos_engine");
  if (enginePath === undefined) await writeScript(engine, [...self, "lab", "engine"]);
  else await link(engine, enginePath);
}

/** PATH with the lab's programs before all others. */
export function labPath(layout: LabLayout, path = process.env.PATH ?? ""): string {
  return path === "" ? layout.bin : `${layout.bin}${delimiter}${path}`;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** @throws Fault when there is no such program, or it may not be run. */
export async function checkEngine(path: string): Promise<string> {
  const full = resolve(path);
  if (await isExecutable(full)) return realpath(full);
  throw labFault(`${full} is not an executable file`, "name a daos_engine by --engine, or leave it out");
}

/** The daos_engine on PATH, leaving out the lab's own folder. */
export async function findEngine(layout: LabLayout, path = process.env.PATH ?? ""): Promise<string> {
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, "daos_engine");
    if (folder !== "" && resolve(folder) !== layout.bin && (await isExecutable(candidate)))
      return realpath(candidate);
  }
  throw labFault("there is no daos_engine on PATH", "name one by --engine, or run without --real-engine");
}
