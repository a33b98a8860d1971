import type { AgentConfig, ControlConfig, ServerConfig, TransportConfig } from "./types.ts";

/** Where 2.6 keeps its files (its build option CONF_DIR). */
export const configDir = "/etc/daos";
export const defaultServerConfigPath = `${configDir}/daos_server.yml`;
export const defaultAgentConfigPath = `${configDir}/daos_agent.yml`;
export const systemControlConfigPath = `${configDir}/daos_control.yml`;

export const defaultSystemName = "daos_server";
export const defaultControlPort = 10001;

const certDir = `${configDir}/certs`;

/** Transport of one program: its own certificate, below /etc/daos/certs. */
function defaultTransport(own: "server" | "agent" | "admin"): TransportConfig {
  return {
    allowInsecure: false,
    caCert: `${certDir}/daosCA.crt`,
    cert: `${certDir}/${own}.crt`,
    key: `${certDir}/${own}.key`,
    ...(own === "server" ? { clientCertDir: `${certDir}/clients` } : {}),
  };
}

/** A server configuration as 2.6 has it before any file is read. */
export function defaultServerConfig(): ServerConfig {
  return {
    name: defaultSystemName,
    accessPoints: [`localhost:${defaultControlPort}`],
    port: defaultControlPort,
    transportConfig: defaultTransport("server"),
    socketDir: "/var/run/daos_server",
    engines: [],
    bdevExclude: [],
    disableVfio: false,
    disableVmd: false,
    enableHotplug: false,
    nrHugepages: 0,
    systemRamReserved: 16,
    disableHugepages: false,
    controlLogMask: "INFO",
    controlLogJson: false,
    // Private and shared anonymous mappings and ELF headers; core(5).
    coreDumpFilter: 0x13,
    clientEnvVars: [],
    controlMetadata: {},
    hyperthreads: false,
    crtTimeout: 0,
    secondaryProviderEndpoints: [],
    disableSrx: false,
  };
}

export function defaultAgentConfig(): AgentConfig {
  return {
    name: defaultSystemName,
    accessPoints: [`localhost:${defaultControlPort}`],
    port: defaultControlPort,
    runtimeDir: "/var/run/daos_agent",
    controlLogMask: "INFO",
    transportConfig: defaultTransport("agent"),
    disableCaching: false,
    cacheExpiration: 0,
    disableAutoEvict: false,
    enableEvictOnStart: false,
    excludeFabricIfaces: [],
    fabricIfaces: [],
    providerIdx: 0,
    telemetryEnabled: false,
    telemetryRetain: 0,
  };
}

export function defaultControlConfig(): ControlConfig {
  return {
    name: defaultSystemName,
    port: defaultControlPort,
    hostlist: [`localhost:${defaultControlPort}`],
    transportConfig: defaultTransport("admin"),
  };
}
