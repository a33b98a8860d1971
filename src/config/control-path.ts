import { homedir } from "node:os";
import { join } from "node:path";
import { exists } from "../files/exists.ts";
import { systemControlConfigPath } from "./defaults.ts";

/** The files that are tried when none is named: the person's own, then the system's. */
export function controlConfigCandidates(env: Record<string, string | undefined> = process.env): string[] {
  return [join(env.HOME || homedir(), ".daos_control.yml"), systemControlConfigPath];
}

/**
 * The file that dmg uses: `path` if given, else the one that the variable DAOSCTL_CONTROL_CONFIG names
 * (`daosctl lab env` sets it), else the first candidate that exists. undefined: none.
 */
export async function findControlConfig(
  path: string | undefined,
  env: Record<string, string | undefined> = process.env,
): Promise<string | undefined> {
  if (path !== undefined && path !== "") return path;
  if (env.DAOSCTL_CONTROL_CONFIG) return env.DAOSCTL_CONTROL_CONFIG;
  for (const candidate of controlConfigCandidates(env)) {
    if (await exists(candidate)) return candidate;
  }
  return undefined;
}
