import { z } from "zod";
import { errorText } from "../../faults/fault.ts";
import { askHelper } from "../../helper/ask.ts";
import type { Logger } from "../../log/logger.ts";
import type { CallCounts } from "../../services/agent/counters.ts";
import type { ClientSegment, ClientTelemetry } from "../../services/agent/telemetry.ts";
import { serveTelemetry } from "../../telemetry/endpoint.ts";
import { createFamilies, familiesText } from "../../telemetry/families.ts";

const statsSchema = z.object({
  min: z.number(),
  max: z.number(),
  sum: z.number(),
  sumOfSquares: z.number(),
  samples: z.number(),
});
const metricSchema = z.object({
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  kind: z.enum(["counter", "timestamp", "snapshot", "duration", "gauge"]),
  description: z.string(),
  value: z.number(),
  stats: statsSchema.optional(),
});
type ClientMetric = z.output<typeof metricSchema>;
const answersSchema = z.array(
  z.object({
    key: z.number(),
    found: z.boolean(),
    metrics: z.array(metricSchema).optional(),
    error: z.string().optional(),
  }),
);

/** Without telemetry_retain clients remove their memory themselves; what those leave that were killed goes after that. */
const DEFAULT_RETAIN_MS = 60_000;

/** What the agent tells of itself. */
export interface AgentGauges {
  readonly sessions: number;
  readonly attachInfoAgeMs: number | undefined;
  readonly attachInfoFetches: number;
  readonly attachInfoFailures: number;
  readonly ranks: number;
  readonly processes: number;
  readonly handles: number;
  readonly unfinishedEvictions: number;
  readonly credentials: number;
}

export interface AgentExporterOptions {
  readonly port: number;
  readonly retainMs: number;
  readonly telemetry: ClientTelemetry;
  readonly counts: CallCounts;
  readonly gauges: () => AgentGauges;
  readonly log: Logger;
}

/** Serves clients' metrics and the agent's own, and clears away what dead clients have left. */
export function startAgentExporter(options: AgentExporterOptions): { stop(): Promise<void> } {
  const { telemetry, log } = options;
  const retainMs = options.retainMs > 0 ? options.retainMs : DEFAULT_RETAIN_MS;

  async function collect(): Promise<string> {
    const families = createFamilies();
    addOwn(families, options.counts, options.gauges());
    const segments = telemetry.segments();
    if (segments.length > 0) {
      const start = performance.now();
      const answers = await askHelper(
        { op: "telemetry-read", segments: segments.map(wanted) },
        answersSchema,
      );
      for (const [index, { found, metrics, error }] of answers.entries()) {
        const segment = segments[index]!;
        if (!found) telemetry.forget(segment);
        if (error !== undefined) log.debug(`telemetry of pid ${segment.pid}: ${error}`);
        for (const metric of metrics ?? []) addClientMetric(families, segment, metric);
      }
      const help = "daos_client_exporter: Duration of a scrape job.";
      const seconds = (performance.now() - start) / 1000;
      families.add(
        { name: "client_exporter_scrape_duration_seconds", help, type: "gauge" },
        { labels: {}, value: seconds },
      );
    }
    return familiesText(families.all());
  }

  /** A scrape that comes while one is under way gets the answer of that one: each costs a process. */
  let running: Promise<string> | undefined;
  const collectShared = () =>
    (running ??= collect().finally(() => {
      running = undefined;
    }));

  async function prune(): Promise<void> {
    const segments = telemetry.segments();
    if (segments.length === 0) return;
    try {
      const request = {
        op: "telemetry-prune",
        segments: segments.map(wanted),
        olderThanMs: retainMs,
      } as const;
      const answers = await askHelper(request, answersSchema);
      for (const [index, { found, error }] of answers.entries()) {
        const segment = segments[index]!;
        if (!found) telemetry.forget(segment);
        if (error !== undefined) log.error(`clearing telemetry of pid ${segment.pid}: ${error}`);
      }
    } catch (error) {
      log.error(`clearing telemetry of clients: ${errorText(error)}`);
    }
  }

  const endpoint = serveTelemetry({
    hosts: ["0.0.0.0"], // as 2.6
    port: options.port,
    title: "DAOS Client Telemetry",
    text: collectShared,
    log,
  });
  const timer = setInterval(() => void prune(), Math.max(1000, retainMs));
  return {
    async stop() {
      clearInterval(timer);
      await endpoint.stop();
    },
  };
}

const wanted = ({ key, uid }: ClientSegment) => ({ key, uid });

type Families = ReturnType<typeof createFamilies>;

/** As 2.6's exporter names them: "client_pool_ops_fetch" of job, pid and, where there is one, thread. */
function addClientMetric(families: Families, segment: ClientSegment, metric: ClientMetric): void {
  const { description: help, kind, value, stats } = metric;
  const name = `client_${metric.name}`;
  const labels = { ...metric.labels, job: segment.jobid, pid: String(segment.pid) };
  families.add({ name, help, type: kind === "counter" ? "counter" : "gauge" }, { labels, value });
  if (stats === undefined) return;
  for (const [suffix, words, amount] of statistics(stats)) {
    const type = suffix === "samples" ? "counter" : "gauge";
    families.add({ name: `${name}_${suffix}`, help: `${help} (${words})`, type }, { labels, value: amount });
  }
}

/** Mean and deviation are worked out by whoever reads. */
function statistics(stats: z.output<typeof statsSchema>): readonly (readonly [string, string, number])[] {
  const { min, max, sum, sumOfSquares, samples } = stats;
  const mean = samples > 0 ? sum / samples : 0;
  const variance = samples < 2 ? 0 : (sumOfSquares - samples * mean * mean) / (samples - 1);
  return [
    ["min", "min value", min],
    ["max", "max value", max],
    ["mean", "mean", mean],
    ["sum", "sum", sum],
    ["stddev", "std dev", Math.sqrt(Math.max(0, variance))],
    ["sumsquares", "sum of squares", sumOfSquares],
    ["samples", "samples", samples],
  ];
}

function addOwn(families: Families, counts: CallCounts, gauges: AgentGauges): void {
  for (const [method, { calls, failed, durationMs }] of counts) {
    const labels = { method };
    families.add(
      { name: "agent_calls_total", help: "Calls of client processes.", type: "counter" },
      { labels, value: calls },
    );
    families.add(
      { name: "agent_calls_failed_total", help: "Calls that ended with an error.", type: "counter" },
      { labels, value: failed },
    );
    families.add(
      { name: "agent_calls_seconds_total", help: "Time spent on calls.", type: "counter" },
      { labels, value: durationMs / 1000 },
    );
  }
  const own: [string, string, "counter" | "gauge", number | undefined][] = [
    [
      "attach_info_age_seconds",
      "Age of what is known of the system.",
      "gauge",
      toSeconds(gauges.attachInfoAgeMs),
    ],
    ["attach_info_fetches_total", "Times the servers were asked.", "counter", gauges.attachInfoFetches],
    ["attach_info_failures_total", "Times they did not answer.", "counter", gauges.attachInfoFailures],
    ["system_ranks", "Ranks of the system.", "gauge", gauges.ranks],
    ["client_connections", "Connections of client processes.", "gauge", gauges.sessions],
    ["client_processes", "Processes that hold pool handles.", "gauge", gauges.processes],
    ["pool_handles", "Pool handles of processes of this node.", "gauge", gauges.handles],
    [
      "evictions_waiting",
      "Handles of dead processes still to be evicted.",
      "gauge",
      gauges.unfinishedEvictions,
    ],
    ["credentials_kept", "Users whose credential is kept.", "gauge", gauges.credentials],
    ["resident_memory_bytes", "Memory of the agent.", "gauge", process.memoryUsage.rss()],
    ["cpu_seconds_total", "CPU time of the agent.", "counter", cpuSeconds()],
  ];
  for (const [name, help, type, value] of own) {
    if (value !== undefined) families.add({ name: `agent_${name}`, help, type }, { labels: {}, value });
  }
}

const toSeconds = (durationMs: number | undefined) =>
  durationMs === undefined ? undefined : durationMs / 1000;

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
