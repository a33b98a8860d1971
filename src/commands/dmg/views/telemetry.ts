import type { Labels, MetricFamily, MetricType, ObservedMetric } from "../../../client/prometheus-text.ts";
import type { Json } from "../../../ui/json.ts";
import { formatTable, indentLines, type Row } from "../../../ui/table.ts";
import { listOrNull } from "./common.ts";

/** 2.6's words for the types of metrics. */
const typeNames: Readonly<Record<MetricType, string>> = {
  counter: "Counter",
  gauge: "Gauge",
  summary: "Summary",
  histogram: "Histogram",
  untyped: "Generic",
};

export function metricsListDocument(families: readonly MetricFamily[]): Json {
  return { available_metric_sets: families.map((family) => familyDocument(family, [])) };
}

export function metricsQueryDocument(families: readonly MetricFamily[]): Json {
  return { metric_sets: families.map((family) => familyDocument(family, metricDocuments(family))) };
}

function familyDocument({ name, description, type }: MetricFamily, metrics: readonly Json[]): Json {
  return { type: typeNames[type].toLowerCase(), name, description, metrics: listOrNull(metrics) };
}

function metricDocuments(family: MetricFamily): Json[] {
  const simple = family.simple.map(({ labels, value }) => ({ labels: labelsDocument(labels), value }));
  const observed = family.observed.map((metric) => {
    const bounds = sortedBounds(metric);
    return {
      labels: labelsDocument(metric.labels),
      sample_count: metric.sampleCount,
      sample_sum: metric.sampleSum,
      ...(family.type === "summary"
        ? {
            quantiles: new Map(
              bounds.map(([bound, value]): [string, Json] => [
                goNumber(bound, documentLimit),
                goNumber(value, documentLimit),
              ]),
            ),
          }
        : { buckets: bounds.map(([bound, count]) => ({ cumulative_count: count, upper_bound: bound })) }),
    };
  });
  return [...simple, ...observed];
}

function labelsDocument(labels: Labels): Json {
  return new Map([...labels].sort(([left], [right]) => (left < right ? -1 : 1)));
}

function sortedBounds(metric: ObservedMetric): [number, number][] {
  return [...metric.bounds].sort(([left], [right]) => left - right);
}

/** Go's strconv.FormatFloat writes an exponent from a million on; that is too early for people. */
const documentLimit = 6;
const textLimit = 21;

/** A number in its shortest form, with an exponent of two digits from ten to the power of `limit` on. */
export function goNumber(value: number, limit = textLimit): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const [digits = "0", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < limit) return String(value);
  return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

export function metricsListText(families: readonly MetricFamily[]): string {
  if (families.length === 0) return "";
  const rows = families.map(({ name, type, description }) => ({
    "Metric Set": name,
    Type: typeNames[type],
    Description: description,
  }));
  return formatTable(["Metric Set", "Type", "Description"], rows);
}

export function metricsQueryText(families: readonly MetricFamily[]): string {
  return families
    .map((family) => {
      const head = `- Metric Set: ${family.name} (Type: ${typeNames[family.type]})\n`;
      return `${head}${indentLines(`${family.description}\n${indentLines(metricRows(family))}`)}\n`;
    })
    .join("");
}

function metricRows(family: MetricFamily): string {
  const rows = [
    ...family.simple.map(({ labels, value }) => row(typeNames[family.type], labels, goNumber(value))),
    ...family.observed.flatMap((metric) => observedRows(family.type, metric)),
  ];
  return rows.length === 0
    ? "No metrics found\n"
    : formatTable(["Metric", "Labels", "Value"], rows, { margin: 4 });
}

function observedRows(type: MetricType, metric: ObservedMetric): Row[] {
  const { labels } = metric;
  const bounds = sortedBounds(metric);
  return [
    row("Sample Count", labels, `${metric.sampleCount}`),
    row("Sample Sum", labels, goNumber(metric.sampleSum)),
    ...bounds.flatMap(([bound, value], index) =>
      type === "summary"
        ? [row(`Quantile(${goNumber(bound)})`, labels, goNumber(value))]
        : [
            row(`Bucket(${index}) Upper Bound`, labels, goNumber(bound)),
            row(`Bucket(${index}) Cumulative Count`, labels, `${value}`),
          ],
    ),
  ];
}

function row(name: string, labels: Labels, value: string): Row {
  const pairs = [...labels].sort(([left], [right]) => (left < right ? -1 : 1));
  const text = pairs.map(([key, label]) => `${key}=${label}`).join(", ");
  return { Metric: name, Labels: pairs.length === 0 ? "N/A" : `(${text})`, Value: value };
}
