import type { LabLayout } from "./layout.ts";
import { labPath, shellWord } from "./programs.ts";

/** Shell lines that make dmg, the other programs and DAOS clients of a shell use the lab. */
export function labEnvironment(layout: LabLayout, path = process.env.PATH ?? ""): string {
  // Once is enough, however often the lines are evaluated.
  const rest = path
    .split(":")
    .filter((folder) => folder !== layout.bin)
    .join(":");
  const variables = {
    PATH: labPath(layout, rest),
    DAOSCTL_LAB_DIR: layout.dir,
    DAOSCTL_CONTROL_CONFIG: layout.controlConfig,
    DAOS_AGENT_DRPC_DIR: layout.agent.runDir,
  };
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${shellWord(value)}`)
    .join("\n");
}
