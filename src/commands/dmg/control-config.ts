import { readFile } from "node:fs/promises";
import { hostAddresses, parseHostSet } from "../../client/hostset.ts";
import { findControlConfig } from "../../config/control-path.ts";
import { plainControlConfig } from "../../config/control-plain.ts";
import { defaultControlConfig } from "../../config/defaults.ts";
import type { ControlConfig } from "../../config/types.ts";
import { wrapError } from "../../faults/cause.ts";
import { Fault } from "../../faults/fault.ts";

/**
 * The file of -o, else that of $DAOSCTL_CONTROL_CONFIG, ~/.daos_control.yml or /etc/daos's, else what a
 * single local server takes. @throws naming file and problem
 */
export async function controlConfig(given: string | undefined): Promise<ControlConfig> {
  try {
    const file = await findControlConfig(given);
    if (file === undefined) return defaultControlConfig();
    const text = await readFile(file, "utf8").catch(() => "");
    const plain = plainControlConfig(text, file);
    if (plain !== undefined) return plain;
    const { loadControlConfig } = await import("../../config/control.ts");
    return await loadControlConfig(file);
  } catch (error) {
    throw wrapError("failed to load control configuration", error);
  }
}

/** Control addresses: those of -l when given, else the configuration's. */
export function controlHosts(config: ControlConfig, hostList: string | undefined): string[] {
  if (config.port === 0) {
    throw new Fault(
      "client",
      501,
      "invalid control port in configuration",
      "specify a nonzero control port in configuration ('port' parameter) and retry the client application",
    );
  }
  const named = hostList === undefined ? [] : parseHostSet(hostList);
  const hosts = hostAddresses(named.length > 0 ? named : config.hostlist, config.port);
  if (hosts.length > 0) return hosts;
  throw new Fault(
    "client",
    503,
    "empty hostlist parameter in configuration",
    "specify a non-empty list of DAOS server addresses in configuration ('hostlist' parameter) and retry the client application",
  );
}
