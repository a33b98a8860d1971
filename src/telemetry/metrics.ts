import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Recorder } from "./recorder.ts";

/** What is looked up when somebody asks. */
export interface ServerFacts {
  readonly version: string;
  engines(): readonly {
    readonly instance: number;
    readonly rank: number | undefined;
    readonly state: string;
  }[];
  /** Of the control port. */
  connections(): number;
  refusedHandshakes(): number;
}

export interface ServerMetrics {
  readonly recorder: Recorder;
  /** Prometheus' text format. */
  text(): Promise<string>;
  stop(): void;
}

/** From what an idle server takes to what a pool of many ranks takes. */
const CALL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const COMMIT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const LAG_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
/** How often it is looked how late the event loop is. */
const LAG_PERIOD_MS = 500;
/** Every state an engine may be in, so that those it is not in are told as 0. */
const ENGINE_STATES = ["AwaitFormat", "Starting", "Ready", "Stopping", "Stopped", "Errored"];

/** As drpcMethodName calls it. */
const GROUP_UPDATE = "MGMT:GROUP_UPDATE";

/** The server's own metrics; counting begins now. Names start with "daos_server_", or are Prometheus' own. */
export function createServerMetrics(facts: ServerFacts): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Counter({ name: `daos_server_${name}`, help, labelNames, registers });
  const gauge = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Gauge({ name: `daos_server_${name}`, help, labelNames, registers });
  const histogram = <T extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly T[] = [],
  ) => new Histogram({ name: `daos_server_${name}`, help, buckets, labelNames, registers });

  const leader = gauge("leader", "1 while this server leads the management service");
  const changes = counter("leadership_changes_total", "Leaderships of the management service", ["change"]);
  for (const change of ["gained", "lost"] as const) changes.inc({ change }, 0);
  const joins = counter("joins_total", "Joins of this server's engines, by outcome", ["outcome"]);
  const rpcs = counter("rpc_calls_total", "Calls on the control port", ["method", "code"]);
  const rpcSeconds = histogram("rpc_duration_seconds", "Time that calls took", CALL_BUCKETS, ["method"]);
  const drpcs = counter("drpc_calls_total", "Calls to engines (out) and from them (in)", [
    "direction",
    "method",
    "outcome",
  ]);
  const drpcSeconds = histogram("drpc_duration_seconds", "Time that dRPC calls took", CALL_BUCKETS, [
    "direction",
    "method",
  ]);
  const groupUpdates = counter("group_updates_total", "Group maps sent to engines, by outcome", ["outcome"]);
  const commits = counter("commits_total", "Changes of the system written down, by outcome", ["outcome"]);
  const commitSeconds = histogram("commit_duration_seconds", "Time that writing took", COMMIT_BUCKETS);
  for (const outcome of ["ok", "failed"] as const) {
    joins.inc({ outcome }, 0);
    groupUpdates.inc({ outcome }, 0);
    commits.inc({ outcome }, 0);
  }
  const lag = histogram("event_loop_lag_seconds", "How late the event loop was", LAG_BUCKETS);
  const worstLag = gauge(
    "event_loop_worst_lag_seconds",
    "The latest the event loop was since the last scrape",
  );
  const states = gauge("engine_state", "1 for the state that an engine is in", ["instance", "rank", "state"]);
  const connections = gauge("connections", "Open connections of the control port");
  const refused = counter(
    "refused_certificates_total",
    "Handshakes and callers refused, nearly always for a certificate",
  );
  gauge("info", "Always 1; says which version runs", ["version"]).set({ version: facts.version }, 1);
  const process_ = processMetrics(registers);

  let worstSeconds = 0;
  let dueMs = performance.now() + LAG_PERIOD_MS;
  const lagTimer = setInterval(() => {
    const nowMs = performance.now();
    const seconds = Math.max(0, nowMs - dueMs) / 1000;
    dueMs = nowMs + LAG_PERIOD_MS;
    lag.observe(seconds);
    worstSeconds = Math.max(worstSeconds, seconds);
  }, LAG_PERIOD_MS);
  lagTimer.unref();
  let refusedSoFar = 0;

  return {
    recorder: {
      leadership(leads) {
        leader.set(leads ? 1 : 0);
        changes.inc({ change: leads ? "gained" : "lost" });
      },
      join: (outcome) => joins.inc({ outcome }),
      rpc(method, code, seconds) {
        rpcs.inc({ method, code });
        rpcSeconds.observe({ method }, seconds);
      },
      drpc(direction, method, outcome, seconds) {
        drpcs.inc({ direction, method, outcome });
        drpcSeconds.observe({ direction, method }, seconds);
        if (direction === "out" && method === GROUP_UPDATE) groupUpdates.inc({ outcome });
      },
      commit(outcome, seconds) {
        commits.inc({ outcome });
        commitSeconds.observe(seconds);
      },
    },
    async text() {
      states.reset();
      for (const { instance, rank, state } of facts.engines()) {
        const who = { instance: String(instance), rank: rank === undefined ? "" : String(rank) };
        for (const one of ENGINE_STATES) states.set({ ...who, state: one }, one === state ? 1 : 0);
      }
      connections.set(facts.connections());
      refused.inc(facts.refusedHandshakes() - refusedSoFar);
      refusedSoFar = facts.refusedHandshakes();
      worstLag.set(worstSeconds);
      worstSeconds = 0;
      process_.look();
      return registry.metrics();
    },
    stop: () => clearInterval(lagTimer),
  };
}

/** The few of Prometheus' own process metrics that dashboards look at. */
function processMetrics(registers: Registry[]) {
  const cpu = new Counter({
    name: "process_cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds.",
    registers,
  });
  const resident = new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory size in bytes.",
    registers,
  });
  new Gauge({
    name: "process_start_time_seconds",
    help: "Start time of the process since unix epoch in seconds.",
    registers,
  }).set(Math.round(Date.now() / 1000 - process.uptime()));
  let counted = 0;
  return {
    look() {
      const { user, system } = process.cpuUsage();
      const seconds = (user + system) / 1e6;
      cpu.inc(Math.max(0, seconds - counted));
      counted = Math.max(counted, seconds);
      resident.set(process.memoryUsage.rss());
    },
  };
}
