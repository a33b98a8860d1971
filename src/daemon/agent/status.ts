import type { AgentConfig } from "../../config/types.ts";
import type { DrpcServer } from "../../drpc/types.ts";
import type { AttachInfoSource } from "../../services/agent/attach-info.ts";
import type { CallCounts } from "../../services/agent/counters.ts";
import type { ProcessMonitor } from "../../services/agent/process-monitor.ts";
import type { CredentialRequests } from "../../services/agent/request-credentials.ts";
import type { ClientTelemetry } from "../../services/agent/telemetry.ts";
import { DAOS_VERSION } from "../../version.ts";
import type { AgentStatus } from "./control.ts";
import type { AgentGauges } from "./telemetry.ts";

/** What an agent is made of, as far as its status shows it. */
export interface AgentParts {
  readonly config: AgentConfig;
  readonly hosts: readonly string[];
  readonly source: AttachInfoSource;
  readonly credentials: CredentialRequests;
  readonly monitor: ProcessMonitor;
  readonly telemetry: ClientTelemetry;
  readonly counts: CallCounts;
  readonly server: DrpcServer;
}

/** @param startedAt performance.now() of the start */
export function agentStatus(parts: AgentParts, startedAt: number): AgentStatus {
  const { config, monitor } = parts;
  const { dataVersion, ...attachInfo } = parts.source.status();
  return {
    version: DAOS_VERSION,
    pid: process.pid,
    uptimeMs: performance.now() - startedAt,
    system: config.name,
    socket: parts.server.path,
    secure: !config.transportConfig.allowInsecure,
    servers: parts.hosts,
    attachInfo: { ...attachInfo, ...(dataVersion === undefined ? {} : { version: String(dataVersion) }) },
    credentialsKept: parts.credentials.kept(),
    calls: [...parts.counts].map(([method, count]) => ({ method, ...count })),
    processes: monitor.holders().map(({ pid, name, pools }) => ({
      pid,
      name,
      pools: [...pools].map(([pool, handles]) => ({ pool, handles: [...handles] })),
    })),
    unfinishedEvictions: monitor.unfinished(),
    telemetrySegments: parts.telemetry.segments().length,
  };
}

/** The same in numbers, for Prometheus. */
export function agentGauges(parts: AgentParts): AgentGauges {
  const attach = parts.source.status();
  const holders = parts.monitor.holders();
  const handles = holders.flatMap(({ pools }) => [...pools.values()].map((set) => set.size));
  return {
    sessions: parts.server.sessions,
    attachInfoAgeMs: attach.ageMs,
    attachInfoFetches: attach.fetches,
    attachInfoFailures: attach.failures,
    ranks: attach.ranks,
    processes: holders.length,
    handles: handles.reduce((sum, count) => sum + count, 0),
    unfinishedEvictions: parts.monitor.unfinished(),
    credentials: parts.credentials.kept(),
  };
}
