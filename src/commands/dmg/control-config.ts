import { existsSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { hostAddresses, parseHostSet } from "../../client/hostset.ts";
import type { ControlConfig } from "../../config/types.ts";
import { wrapError } from "../../faults/cause.ts";
import { Fault } from "../../faults/fault.ts";

/** Where the system's file is, when neither -o, the environment nor the home folder has one. */
const systemPath = "/etc/daos/daos_control.yml";

/**
 * The file to read: -o, else $DAOSCTL_CONTROL_CONFIG, else ~/.daos_control.yml, else /etc/daos's;
 * undefined when there is none.
 */
export function controlConfigPath(given: string | undefined): string | undefined {
  if (given !== undefined && given !== "") return given;
  const fromEnvironment = process.env["DAOSCTL_CONTROL_CONFIG"];
  if (fromEnvironment) return fromEnvironment;
  return [path.join(homedir(), ".daos_control.yml"), systemPath].find((file) => existsSync(file));
}

/** The configuration, or that of a single local server where no file is. @throws naming file and problem */
export async function controlConfig(given: string | undefined): Promise<ControlConfig> {
  const file = controlConfigPath(given);
  if (file === undefined) return defaultControlConfig();
  const { loadControlConfig } = await import("../../config/control.ts");
  try {
    return await loadControlConfig(file);
  } catch (error) {
    throw wrapError("failed to load control configuration", error);
  }
}

function defaultControlConfig(): ControlConfig {
  return {
    name: "daos_server",
    port: 10_001,
    hostlist: ["localhost:10001"],
    transportConfig: {
      allowInsecure: false,
      caCert: "/etc/daos/certs/daosCA.crt",
      cert: "/etc/daos/certs/admin.crt",
      key: "/etc/daos/certs/admin.key",
    },
  };
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
