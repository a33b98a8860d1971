import { metricName } from "./names.ts";
import type { EngineMetric, MetricStats } from "./read.ts";

interface Family {
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: string[];
}

/** Metrics of several engines in Prometheus' text format, families by name, as 2.6 exports them. */
export function prometheusText(
  engines: readonly { readonly rank: number; readonly metrics: readonly EngineMetric[] }[],
): string {
  const families = new Map<string, Family>();

  function add(name: string, type: Family["type"], help: string, labels: string, value: number): void {
    let family = families.get(name);
    if (family === undefined) {
      family = { type, help, samples: [] };
      families.set(name, family);
    }
    // One name is one type: a scrape with both is refused as a whole.
    if (family.type === type) family.samples.push(`${name}${labels} ${numberText(value)}`);
  }

  for (const { rank, metrics } of engines) {
    for (const metric of metrics) {
      const { name, labels } = metricName(metric.path);
      const base = `engine_${name}`;
      const text = labelText({ ...labels, rank: String(rank) });
      const { description, kind, stats } = metric;
      add(base, kind === "counter" ? "counter" : "gauge", description, text, Number(metric.value));
      if (stats === undefined) continue;
      for (const [suffix, words, value] of statistics(stats)) {
        const type = suffix === "samples" ? "counter" : "gauge";
        add(`${base}_${suffix}`, type, `${description} (${words})`, text, value);
      }
    }
  }
  const lines: string[] = [];
  for (const [name, { type, help, samples }] of [...families].sort(([a], [b]) => (a < b ? -1 : 1))) {
    lines.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...samples.sort());
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** What is worked out when a metric is read: its mean and deviation are not kept up by the engine. */
function statistics(stats: MetricStats): readonly (readonly [string, string, number])[] {
  const samples = Number(stats.samples);
  const sum = Number(stats.sum);
  const mean = samples > 0 ? sum / samples : 0;
  const deviation = samples < 2 ? 0 : Math.sqrt((stats.sumOfSquares - samples * mean * mean) / (samples - 1));
  return [
    ["min", "min value", Number(stats.min)],
    ["max", "max value", Number(stats.max)],
    ["mean", "mean", mean],
    ["sum", "sum", sum],
    ["stddev", "std dev", deviation],
    ["sumsquares", "sum of squares", stats.sumOfSquares],
    ["samples", "samples", samples],
  ];
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${pairs.map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`).join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
