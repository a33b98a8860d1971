import {
  badAccessPoints,
  badControlPort,
  badTelemetryPort,
  bothFaultPathAndCallback,
  controlMetadataNoPath,
  evenAccessPoints,
  hugepagesOutOfRange,
  noProvider,
  systemRamReservedZero,
} from "../faults/config.ts";
import type { Fault } from "../faults/fault.ts";
import { type Logger, silentLogger } from "../log/logger.ts";
import { isAddressProblem, parseAddress, withDefaultPort } from "./addresses.ts";
import { type EngineAffinity, settleAffinity } from "./affinity.ts";
import { checkFaultPath } from "./fault-domain.ts";
import { inheritFromTop, settleProvider } from "./inherit.ts";
import { settleHugepages, settleRamdiskSize } from "./memory.ts";
import { copyServerConfig } from "./overrides.ts";
import { byPosition, type LocatedProblem, locate, problemsFault, sourceOf } from "./problem.ts";
import type { MemoryFacts, ServerConfig } from "./types.ts";
import { checkEngine } from "./validate-engine.ts";
import { checkEngines } from "./validate-engines.ts";

/** What the rules need to know beyond the file. All of it may be left out. */
export interface ValidationFacts {
  /** Variables that `env_pass_through` may hand on; none by default. */
  readonly env?: Record<string, string | undefined>;
  /** Problems of reading the file: what they concern is not judged again. */
  readonly known?: readonly LocatedProblem[];
}

export interface Validation {
  readonly problems: LocatedProblem[];
  /** Worth telling; the server starts all the same. */
  readonly notices: string[];
}

const maximumHugepages = 0x7fffffff;

/** Judges a whole server configuration and lists everything that is wrong, in the order of the file. */
export function checkServerConfig(config: ServerConfig, facts: ValidationFacts = {}): Validation {
  const source = sourceOf(config);
  const problems: LocatedProblem[] = [];
  const notices: string[] = [];
  const known = facts.known ?? [];
  const report = (key: string, fault: Fault) => {
    const related = (other: string) =>
      other !== "" && (other === key || other.startsWith(`${key}.`) || other.startsWith(`${key}[`));
    if (!known.some((problem) => related(problem.key))) problems.push(locate({ key, fault }, source));
  };

  checkPorts(config, report);
  checkAccessPoints(config, report, notices);
  if (config.controlMetadata.device !== undefined && config.controlMetadata.path === undefined) {
    report("control_metadata", controlMetadataNoPath());
  }
  if (config.systemRamReserved <= 0)
    report("system_ram_reserved", systemRamReservedZero(config.systemRamReserved));
  if (config.nrHugepages < 0 || config.nrHugepages > maximumHugepages) {
    report("nr_hugepages", hugepagesOutOfRange(config.nrHugepages, maximumHugepages));
  }
  checkFaultDomainKeys(config, report);

  // Without engines the server starts to let hardware be discovered, so nothing about engines is asked.
  if (config.engines.length > 0) {
    if (config.provider === undefined) report("provider", noProvider());
    const before = problems.length;
    for (const engine of config.engines) {
      const place = `engines[${engine.index}]`;
      checkEngine(engine, config.controlMetadata, facts.env ?? {}, (key, fault) =>
        report(`${place}.${key}`, fault),
      );
    }
    const enginesKnown = known.some((problem) => problem.key.startsWith("engines"));
    if (problems.length === before && !enginesKnown) {
      checkEngines(config.engines, { problem: report, notice: (text) => notices.push(text) });
    }
  }
  return { problems: problems.sort(byPosition), notices };
}

type Report = (key: string, fault: Fault) => void;

function checkPorts(config: ServerConfig, report: Report): void {
  const { port, telemetryPort } = config;
  // Port 0 is any free port; 2.6 accepts that of a server without engines.
  const least = config.engines.length > 0 ? 1 : 0;
  if (port < least || port > 65535) report("port", badControlPort(`${port}`));
  if (telemetryPort !== undefined && (telemetryPort < 1 || telemetryPort > 65535)) {
    report("telemetry_port", badTelemetryPort(telemetryPort));
  }
}

function checkAccessPoints(config: ServerConfig, report: Report, notices: string[]): void {
  const list = sourceOf(config)?.positions.has("mgmt_svc_replicas") ? "mgmt_svc_replicas" : "access_points";
  const seen = new Set<string>();
  for (const [index, address] of config.accessPoints.entries()) {
    const key = `${list}[${index}]`;
    const parsed = parseAddress(address);
    if (isAddressProblem(parsed)) {
      report(key, parsed.kind === "port" ? badControlPort(parsed.detail) : badAccessPoints(parsed.detail));
      continue;
    }
    const full = withDefaultPort(address, config.port);
    if (seen.has(full)) report(key, badAccessPoints(`${full} is named twice`));
    seen.add(full);
  }
  if (config.engines.length === 0) return;
  const count = config.accessPoints.length;
  if (count === 0) report(list, badAccessPoints("it is empty"));
  else if (count % 2 === 0) report(list, evenAccessPoints(count));
  else if (count === 1) {
    notices.push(
      "Configuration includes only one access point. This provides no redundancy in the event of an access point failure.",
    );
  }
}

function checkFaultDomainKeys(config: ServerConfig, report: Report): void {
  if (config.faultPath === undefined) return;
  if (config.faultCb !== undefined) {
    report("fault_cb", bothFaultPathAndCallback());
    return;
  }
  const fault = checkFaultPath(config.faultPath);
  if (fault !== undefined) report("fault_path", fault);
}

/** What a start knows of its host, for prepareServerConfig. */
export interface HostFacts {
  readonly memory?: MemoryFacts;
  readonly affinity?: EngineAffinity;
  readonly env?: Record<string, string | undefined>;
  readonly log?: Logger;
}

/**
 * The configuration with the addresses of its access points completed by the control port, judged.
 * @throws Fault of the first problem, with file, line and column.
 */
export function validateServerConfig(
  config: ServerConfig,
  log: Logger = silentLogger,
  env = process.env,
): ServerConfig {
  const { problems, notices } = checkServerConfig(config, { env });
  for (const notice of notices) log.notice(notice);
  if (problems.length > 0) throw problemsFault(problems);
  if (config.engines.length === 0)
    log.info("No DAOS I/O Engines in configuration, DAOS Control Server starting in discovery mode");
  const valid = copyServerConfig(config);
  valid.accessPoints = config.accessPoints.map((address) => withDefaultPort(address, config.port));
  return valid;
}

/**
 * The effective configuration of a start, by the steps of 2.6 in their order: provider, cores, validation,
 * hugepages (when memory is known), size of the ram tiers. `config` is left as it is.
 * @throws Fault of the first problem.
 */
export function prepareServerConfig(config: ServerConfig, host: HostFacts = {}): ServerConfig {
  const log = host.log ?? silentLogger;
  const draft = copyServerConfig(config);
  inheritFromTop(draft);
  settleProvider(draft);
  settleAffinity(draft, host.affinity ?? (() => undefined), log);
  const ready = validateServerConfig(draft, log, host.env);
  if (host.memory !== undefined) {
    settleHugepages(ready, host.memory, log);
    settleRamdiskSize(ready, host.memory, log);
  }
  return ready;
}
