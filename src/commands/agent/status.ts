import { defineCommand } from "citty";
import { type AgentStatus, askAgentStatus } from "../../daemon/agent/control.ts";
import { printJson } from "../../ui/json.ts";
import { formatTable } from "../../ui/table.ts";
import { type AgentFlags, agentConfig } from "./options.ts";

export const command = defineCommand({
  meta: { name: "status", description: "Show what the running agent knows and whom it serves" },
  async run({ args }) {
    const { runtimeDir } = await agentConfig(args as AgentFlags);
    const status = await askAgentStatus(runtimeDir);
    if ((args as { json?: boolean }).json) printJson(statusDocument(status), null);
    else process.stdout.write(statusText(status));
  },
});

function statusDocument(status: AgentStatus) {
  const { attachInfo } = status;
  return {
    version: status.version,
    pid: status.pid,
    uptime_ms: Math.round(status.uptimeMs),
    system: status.system,
    socket: status.socket,
    secure: status.secure,
    servers: status.servers,
    attach_info: {
      cached: attachInfo.cached,
      age_ms: attachInfo.ageMs === undefined ? null : Math.round(attachInfo.ageMs),
      version: attachInfo.version ?? null,
      ranks: attachInfo.ranks,
      providers: attachInfo.providers,
      server: attachInfo.server ?? null,
      fetches: attachInfo.fetches,
      failures: attachInfo.failures,
      last_error: attachInfo.lastError ?? null,
    },
    credentials_kept: status.credentialsKept,
    calls: status.calls.map(({ method, calls, failed, durationMs }) => ({
      method,
      calls,
      failed,
      mean_us: calls === 0 ? 0 : Math.round((durationMs * 1000) / calls),
    })),
    processes: status.processes.map(({ pid, name, pools }) => ({
      pid,
      name,
      pools: pools.map(({ pool, handles }) => ({ pool, handles })),
    })),
    unfinished_evictions: status.unfinishedEvictions,
    telemetry_segments: status.telemetrySegments,
  };
}

/** "3h12m", "45s". */
export function durationText(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days}d${hours}h`;
  if (hours > 0) return `${hours}h${minutes}m`;
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}

/** The status for people. */
export function statusText(status: AgentStatus): string {
  const { attachInfo: info } = status;
  const lines = [
    `DAOS agent ${status.version}, pid ${status.pid}, up ${durationText(status.uptimeMs)}`,
    `System:      ${status.system}${status.secure ? "" : " (insecure)"}`,
    `Socket:      ${status.socket}`,
    `Servers:     ${status.servers.join(", ")}${info.server === undefined ? "" : `; answered last: ${info.server}`}`,
    `Attach info: ${attachText(info)}`,
    `Fetched:     ${info.fetches} times, ${info.failures} failed`,
    `Credentials: ${status.credentialsKept} kept`,
  ];
  if (info.lastError !== undefined) lines.push(`Last error:  ${info.lastError}`);
  if (status.telemetrySegments > 0) lines.push(`Telemetry:   ${status.telemetrySegments} client segments`);
  if (status.unfinishedEvictions > 0) {
    lines.push(`To evict:    ${status.unfinishedEvictions} handles of processes that are gone`);
  }
  const called = status.calls.filter(({ calls }) => calls > 0);
  if (called.length > 0) {
    const rows = called.map(({ method, calls, failed, durationMs }) => ({
      Call: method,
      Calls: String(calls),
      Failed: String(failed),
      Mean: `${Math.round((durationMs * 1000) / calls)} us`,
    }));
    lines.push("", formatTable(["Call", "Calls", "Failed", "Mean"], rows).trimEnd());
  }
  if (status.processes.length > 0) {
    const rows = status.processes.flatMap(({ pid, name, pools }) =>
      pools.map(({ pool, handles }) => ({
        PID: String(pid),
        Process: name,
        Pool: pool,
        Handles: String(handles.length),
      })),
    );
    lines.push("", formatTable(["PID", "Process", "Pool", "Handles"], rows).trimEnd());
  }
  return `${lines.join("\n")}\n`;
}

function attachText(info: AgentStatus["attachInfo"]): string {
  if (info.ageMs === undefined) return "not fetched yet";
  const providers = info.providers.join(", ");
  const kept = info.cached ? `${durationText(info.ageMs)} old` : "not cached";
  return `${info.ranks} ranks, ${providers}, version ${info.version ?? "?"}, ${kept}`;
}
