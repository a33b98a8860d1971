import { silentLogger } from "../log/logger.ts";
import { withDefaultPort } from "./addresses.ts";
import { settleAffinity } from "./affinity.ts";
import { settleProvider } from "./inherit.ts";
import { copyServerConfig } from "./overrides.ts";
import { byPosition, type LocatedProblem } from "./problem.ts";
import { type ReadServerConfig, readServerConfig } from "./server.ts";
import type { ServerConfig } from "./types.ts";
import { checkServerConfig } from "./validate.ts";

export interface CheckedServerConfig {
  /** As a start would have it, as far as it could be understood. */
  readonly config: ServerConfig;
  /** Everything wrong, in the order of the file. */
  readonly problems: LocatedProblem[];
  readonly notices: string[];
}

/** Judges what was read the way a start would, without looking at the host. */
export function checkReadConfig(
  read: ReadServerConfig,
  env: Record<string, string | undefined>,
): CheckedServerConfig {
  const config = copyServerConfig(read.config);
  settleProvider(config);
  settleAffinity(config, () => undefined, silentLogger);
  // Where nothing could be parsed, the defaults are not worth judging.
  const unreadable = read.problems.some((problem) => problem.key === "");
  const { problems, notices } = unreadable
    ? { problems: [], notices: [] }
    : checkServerConfig(config, { env, known: read.problems });
  config.accessPoints = config.accessPoints.map((address) => withDefaultPort(address, config.port));
  return { config, problems: [...read.problems, ...problems].sort(byPosition), notices };
}

/** @throws Fault 701 when the file cannot be read at all. */
export async function checkServerConfigFile(
  path: string,
  env: Record<string, string | undefined>,
): Promise<CheckedServerConfig> {
  return checkReadConfig(await readServerConfig(path), env);
}
