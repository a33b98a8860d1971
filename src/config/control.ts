import { readFile } from "node:fs/promises";
import { badClientConfig, clientBadControlPort, emptyHostlist } from "../faults/config.ts";
import { errorText } from "../faults/fault.ts";
import { systemNameProblem, transportSection, withTransport } from "./common-keys.ts";
import { findControlConfig } from "./control-path.ts";
import { defaultControlConfig } from "./defaults.ts";
import { openDocument, sourceMap } from "./document.ts";
import {
  byPosition,
  type ConfigProblem,
  type LocatedProblem,
  locate,
  problemsFault,
  rememberSource,
} from "./problem.ts";
import { anyInteger, list, section, text } from "./read.ts";
import type { ControlConfig } from "./types.ts";

const controlSection = section(
  { name: text, port: anyInteger, hostlist: list(text), transport_config: transportSection },
  (name) =>
    name === "access_points" || name === "mgmt_svc_replicas"
      ? 'dmg finds its servers by "hostlist"'
      : undefined,
);

function controlProblems(config: ControlConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const name = systemNameProblem(config.name, badClientConfig);
  if (name !== undefined) problems.push({ key: "name", fault: name });
  if (config.port < 1 || config.port > 65535)
    problems.push({ key: "port", fault: clientBadControlPort(config.port) });
  if (config.hostlist.length === 0) problems.push({ key: "hostlist", fault: emptyHostlist() });
  return problems;
}

/** Reads a control configuration from bytes. Never throws, whatever the bytes. */
export function parseControlConfig(
  bytes: Uint8Array,
  file: string,
): { config: ControlConfig; problems: LocatedProblem[] } {
  const { context, root } = openDocument(bytes, file, badClientConfig);
  const values = root ? (controlSection.read(context, root, "") ?? {}) : {};
  const defaults = defaultControlConfig();
  const config: ControlConfig = {
    configPath: file,
    name: values.name ?? defaults.name,
    port: values.port ?? defaults.port,
    hostlist: values.hostlist ?? defaults.hostlist,
    transportConfig: withTransport(defaults.transportConfig, values.transport_config),
  };
  const source = sourceMap(context);
  rememberSource(config, source);
  const found = root === undefined ? context.problems : [...context.problems, ...controlProblems(config)];
  return { config, problems: found.map((problem) => locate(problem, source)).sort(byPosition) };
}

/**
 * The configuration of dmg: of the file that findControlConfig names, or the defaults when there is none.
 * `configPath` of the result tells which.
 * @throws Fault of the first problem, with file, line and column; an empty file is one.
 */
export async function loadControlConfig(path?: string): Promise<ControlConfig> {
  const found = await findControlConfig(path);
  if (found === undefined) return defaultControlConfig();
  let bytes: Uint8Array;
  try {
    bytes = await readFile(found);
  } catch (error) {
    throw badClientConfig(`${found}: ${errorText(error)}`, "name a readable control configuration with '-o'");
  }
  if (bytes.byteLength === 0) throw badClientConfig(`empty config file: ${found}`);
  const { config, problems } = parseControlConfig(bytes, found);
  if (problems.length > 0) throw problemsFault(problems);
  return config;
}
