import { readFile } from "node:fs/promises";
import {
  badClientConfig,
  clientBadAccessPoints,
  clientBadControlPort,
  clientBothReplicaKeys,
} from "../faults/config.ts";
import { errorText } from "../faults/fault.ts";
import { isAddressProblem, parseAddress } from "./addresses.ts";
import { given, logLevel, systemNameProblem, transportSection, withTransport } from "./common-keys.ts";
import { defaultAgentConfig } from "./defaults.ts";
import { openDocument, sourceMap } from "./document.ts";
import {
  byPosition,
  type ConfigProblem,
  type LocatedProblem,
  locate,
  problemsFault,
  rememberSource,
} from "./problem.ts";
import { anyInteger, bool, convert, durationMs, list, section, text, unsigned, type Values } from "./read.ts";
import type { AgentConfig, AgentFabricConfig, AgentFabricDevice } from "./types.ts";

const fabricSection = convert(
  section({
    numa_node: anyInteger,
    devices: list(
      convert(section({ iface: text, domain: text }), (values): AgentFabricDevice => {
        const domain = given(values.domain);
        return { iface: values.iface ?? "", ...(domain === undefined ? {} : { domain }) };
      }),
    ),
  }),
  (values): AgentFabricConfig => ({ numaNode: values.numa_node ?? 0, devices: values.devices ?? [] }),
);

const agentFields = {
  name: text,
  access_points: list(text),
  mgmt_svc_replicas: list(text),
  port: anyInteger,
  runtime_dir: text,
  log_file: text,
  control_log_mask: logLevel,
  transport_config: transportSection,
  disable_caching: bool,
  cache_expiration: unsigned,
  disable_auto_evict: bool,
  enable_evict_on_start: bool,
  exclude_fabric_ifaces: list(text),
  fabric_ifaces: list(fabricSection),
  provideridx: unsigned,
  telemetry_port: anyInteger,
  telemetry_enabled: bool,
  telemetry_retain: durationMs,
};

const agentSection = section(agentFields, (name) =>
  name === "hostlist" ? 'an agent finds its servers by "access_points"' : undefined,
);

function makeAgent(values: Values<typeof agentFields>, file: string): AgentConfig {
  const defaults = defaultAgentConfig();
  const config: AgentConfig = {
    configPath: file,
    name: values.name ?? defaults.name,
    accessPoints: values.access_points ?? values.mgmt_svc_replicas ?? defaults.accessPoints,
    port: values.port ?? defaults.port,
    runtimeDir: given(values.runtime_dir) ?? defaults.runtimeDir,
    controlLogMask: values.control_log_mask ?? defaults.controlLogMask,
    transportConfig: withTransport(defaults.transportConfig, values.transport_config),
    disableCaching: values.disable_caching ?? false,
    cacheExpiration: values.cache_expiration ?? 0,
    disableAutoEvict: values.disable_auto_evict ?? false,
    enableEvictOnStart: values.enable_evict_on_start ?? false,
    excludeFabricIfaces: [...new Set(values.exclude_fabric_ifaces ?? [])].sort(),
    fabricIfaces: values.fabric_ifaces ?? [],
    providerIdx: values.provideridx ?? 0,
    telemetryEnabled: values.telemetry_enabled ?? false,
    telemetryRetain: values.telemetry_retain ?? 0,
  };
  const logFile = given(values.log_file);
  if (logFile !== undefined) config.logFile = logFile;
  if (values.telemetry_port) config.telemetryPort = values.telemetry_port;
  return config;
}

function agentProblems(config: AgentConfig, values: Values<typeof agentFields>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (values.access_points !== undefined && values.mgmt_svc_replicas !== undefined) {
    problems.push({ key: "mgmt_svc_replicas", fault: clientBothReplicaKeys() });
  }
  const name = systemNameProblem(config.name, badClientConfig);
  if (name !== undefined) problems.push({ key: "name", fault: name });
  if (config.port < 1 || config.port > 65535)
    problems.push({ key: "port", fault: clientBadControlPort(config.port) });
  const list = values.access_points === undefined ? "mgmt_svc_replicas" : "access_points";
  for (const [index, address] of config.accessPoints.entries()) {
    const parsed = parseAddress(address);
    // A host set ("node[1-3]") has brackets of its own; the host set parser judges it.
    if (isAddressProblem(parsed) && !address.includes("[")) {
      problems.push({ key: `${list}[${index}]`, fault: clientBadAccessPoints(parsed.detail) });
    }
  }
  if (config.telemetryPort === undefined) {
    const dependent =
      config.telemetryRetain > 0 ? "telemetry_retain" : config.telemetryEnabled ? "telemetry_enabled" : "";
    if (dependent !== "") {
      const fault = badClientConfig(
        `${dependent} requires telemetry_port`,
        "add telemetry_port, such as 9192",
      );
      problems.push({ key: dependent, fault });
    }
  } else if (config.telemetryPort < 1 || config.telemetryPort > 65535) {
    problems.push({ key: "telemetry_port", fault: badClientConfig("telemetry_port is not from 1 to 65535") });
  }
  return problems;
}

/** Reads an agent configuration from bytes. Never throws, whatever the bytes. */
export function parseAgentConfig(
  bytes: Uint8Array,
  file: string,
): { config: AgentConfig; problems: LocatedProblem[] } {
  const { context, root } = openDocument(bytes, file, badClientConfig);
  const values = root ? (agentSection.read(context, root, "") ?? {}) : {};
  const config = makeAgent(values, file);
  const source = sourceMap(context);
  rememberSource(config, source);
  const found =
    root === undefined ? context.problems : [...context.problems, ...agentProblems(config, values)];
  return { config, problems: found.map((problem) => locate(problem, source)).sort(byPosition) };
}

/**
 * The agent configuration in `path`. An empty file is all defaults.
 * @throws Fault of the first problem, with file, line and column.
 */
export async function loadAgentConfig(path: string): Promise<AgentConfig> {
  if (path === "") throw badClientConfig("no config path supplied", "name the file with '-o'");
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw badClientConfig(
      `reading config file ${path}: ${errorText(error)}`,
      "name a readable agent configuration with '-o'",
    );
  }
  const { config, problems } = parseAgentConfig(bytes, path);
  if (problems.length > 0) throw problemsFault(problems);
  return config;
}
