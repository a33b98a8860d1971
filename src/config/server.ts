import { readFile } from "node:fs/promises";
import { badConfig, bothReplicaKeys, noConfigPath } from "../faults/config.ts";
import { errorText } from "../faults/fault.ts";
import { given, logLevel, systemNameProblem, transportSection, withTransport } from "./common-keys.ts";
import { defaultServerConfig } from "./defaults.ts";
import { openDocument, sourceMap } from "./document.ts";
import { engineFields, engineSection, fabricConfig, fabricFields, makeEngine } from "./engine.ts";
import { inheritFromTop, mergeKeyValues, splitNames } from "./inherit.ts";
import {
  byPosition,
  type ConfigProblem,
  type LocatedProblem,
  locate,
  problemsFault,
  rememberSource,
  type SourceMap,
} from "./problem.ts";
import { anyInteger, bool, list, section, text, uint8, type Values } from "./read.ts";
import type { ManagementServiceConfig, ServerConfig } from "./types.ts";

const serverFields = {
  port: anyInteger,
  transport_config: transportSection,
  engines: list(engineSection, "an entry of engines is empty"),
  bdev_exclude: list(text),
  disable_vfio: bool,
  disable_vmd: bool,
  enable_hotplug: bool,
  nr_hugepages: anyInteger,
  system_ram_reserved: anyInteger,
  disable_hugepages: bool,
  control_log_mask: logLevel,
  control_log_file: text,
  control_log_json: bool,
  helper_log_file: text,
  firmware_helper_log_file: text,
  fault_path: text,
  telemetry_port: anyInteger,
  core_dump_filter: uint8,
  client_env_vars: list(text),
  name: text,
  socket_dir: text,
  ...fabricFields,
  access_points: list(text),
  mgmt_svc_replicas: list(text),
  control_metadata: section({ path: text, device: text }),
  fault_cb: text,
  hyperthreads: bool,
  management_service: section({
    backup_hours: anyInteger,
    backups_kept: anyInteger,
    etcd_endpoints: list(text),
    etcd_ca_cert: text,
    etcd_cert: text,
    etcd_key: text,
  }),
};

/** Keys of releases before 2.6, which 2.6 refuses, and what took their place. */
const formerKeys: Record<string, string> = {
  servers: 'the list is called "engines" now',
  enable_vmd: 'VMD is on unless "disable_vmd: true" is set',
  recreate_superblocks: 'use "dmg storage format --force" instead',
  user_name: "the server runs as the user that starts it",
  group_name: "the server runs with the group of the user that starts it",
  bdev_include: 'name the devices in "bdev_list" of a storage tier',
};

function serverHint(name: string): string | undefined {
  if (Object.hasOwn(formerKeys, name)) return formerKeys[name];
  if (Object.hasOwn(engineFields, name)) return 'it belongs in an entry of "engines"';
  return undefined;
}

const serverSection = section(serverFields, serverHint);

/** A file read: the configuration as far as it could be understood, and all that was wrong. */
export interface ReadServerConfig {
  readonly config: ServerConfig;
  /** Of syntax, keys, types and values. What keys have to do with each other is validateServerConfig's. */
  readonly problems: LocatedProblem[];
  readonly source: SourceMap;
}

function makeServer(values: Values<typeof serverFields>, file: string): ServerConfig {
  const defaults = defaultServerConfig();
  const config: ServerConfig = {
    ...defaults,
    configPath: file,
    ...fabricConfig(values),
    name: values.name ?? defaults.name,
    accessPoints: values.access_points ?? values.mgmt_svc_replicas ?? defaults.accessPoints,
    port: values.port ?? defaults.port,
    transportConfig: withTransport(defaults.transportConfig, values.transport_config),
    socketDir: given(values.socket_dir) ?? defaults.socketDir,
    engines: (values.engines ?? []).map(makeEngine),
    bdevExclude: values.bdev_exclude ?? [],
    disableVfio: values.disable_vfio ?? false,
    disableVmd: values.disable_vmd ?? false,
    enableHotplug: values.enable_hotplug ?? false,
    nrHugepages: values.nr_hugepages ?? 0,
    systemRamReserved: values.system_ram_reserved ?? defaults.systemRamReserved,
    disableHugepages: values.disable_hugepages ?? false,
    controlLogMask: values.control_log_mask ?? defaults.controlLogMask,
    controlLogJson: values.control_log_json ?? false,
    coreDumpFilter: values.core_dump_filter ?? defaults.coreDumpFilter,
    clientEnvVars: values.client_env_vars ?? [],
    hyperthreads: values.hyperthreads ?? false,
  };
  if (values.telemetry_port) config.telemetryPort = values.telemetry_port;
  const optional = {
    controlLogFile: values.control_log_file,
    helperLogFile: values.helper_log_file,
    firmwareHelperLogFile: values.firmware_helper_log_file,
    faultPath: values.fault_path,
    faultCb: values.fault_cb,
  };
  for (const [name, value] of Object.entries(optional)) {
    if (given(value) !== undefined) Object.assign(config, { [name]: value });
  }
  if (values.management_service !== undefined)
    config.managementService = managementService(values.management_service);
  const path = given(values.control_metadata?.path);
  if (path !== undefined) config.controlMetadata.path = path;
  const device = given(values.control_metadata?.device);
  if (device !== undefined) config.controlMetadata.device = device;
  return config;
}

function managementService(
  values: NonNullable<Values<typeof serverFields>["management_service"]>,
): ManagementServiceConfig {
  return {
    ...(values.backup_hours === undefined ? {} : { backupHours: values.backup_hours }),
    ...(values.backups_kept === undefined ? {} : { backupsKept: values.backups_kept }),
    etcdEndpoints: values.etcd_endpoints ?? [],
    etcdCaCert: values.etcd_ca_cert ?? "",
    etcdCert: values.etcd_cert ?? "",
    etcdKey: values.etcd_key ?? "",
  };
}

/** What 2.6 checks while it loads, before it validates. */
function loadProblems(config: ServerConfig, values: Values<typeof serverFields>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (values.access_points !== undefined && values.mgmt_svc_replicas !== undefined) {
    problems.push({ key: "mgmt_svc_replicas", fault: bothReplicaKeys() });
  }
  const name = systemNameProblem(config.name, badConfig);
  if (name !== undefined) problems.push({ key: "name", fault: name });
  if (splitNames(config.provider).length > 1) {
    const description = `fabric provider string "${config.provider}" includes more than one provider`;
    problems.push({ key: "provider", fault: badConfig(description, "name one provider") });
  }
  return problems;
}

/** Reads a server configuration from bytes. Never throws, whatever the bytes. */
export function parseServerConfig(bytes: Uint8Array, file: string): ReadServerConfig {
  const { context, root } = openDocument(bytes, file, badConfig);
  const values = root ? (serverSection.read(context, root, "") ?? {}) : {};
  const config = makeServer(values, file);
  inheritFromTop(config);
  if (config.fabricAuthKey !== undefined) {
    config.clientEnvVars = mergeKeyValues(config.clientEnvVars, [
      `D_PROVIDER_AUTH_KEY=${config.fabricAuthKey}`,
    ]);
  }
  const source = sourceMap(context);
  rememberSource(config, source);
  const found =
    root === undefined ? context.problems : [...context.problems, ...loadProblems(config, values)];
  return { config, source, problems: found.map((problem) => locate(problem, source)).sort(byPosition) };
}

/** @throws Fault 702 without a path, 701 when the file cannot be read. */
export async function readServerConfig(path: string): Promise<ReadServerConfig> {
  if (path === "") throw noConfigPath();
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw badConfig(
      `reading file ${path}: ${errorText(error)}`,
      "name a readable server configuration file with '-o'",
    );
  }
  return parseServerConfig(bytes, path);
}

/**
 * The configuration in `path`, with the defaults of 2.6, engines completed by the top of the file. What
 * the keys have to do with each other is not judged: validateServerConfig does that, after the command
 * line's overrides (overrides.ts).
 * @throws Fault of the first problem, with file, line and column.
 */
export async function loadServerConfig(path: string): Promise<ServerConfig> {
  const { config, problems } = await readServerConfig(path);
  if (problems.length > 0) throw problemsFault(problems);
  return config;
}
