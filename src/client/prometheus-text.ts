/** The Prometheus text format, as far as a reader of metrics needs it (exposition format 0.0.4). */

export type MetricType = "counter" | "gauge" | "summary" | "histogram" | "untyped";

export type Labels = ReadonlyMap<string, string>;

/** A number with its labels. */
export interface SimpleMetric {
  readonly labels: Labels;
  readonly value: number;
}

/** Observations: their count and sum, and quantiles or buckets by their bound. */
export interface ObservedMetric {
  readonly labels: Labels;
  sampleCount: number;
  sampleSum: number;
  /** Quantile (0 to 1) or upper bound of a bucket (+Infinity for the last), with its value or count. */
  readonly bounds: Map<number, number>;
}

export interface MetricFamily {
  readonly name: string;
  description: string;
  type: MetricType;
  /** Of counters, gauges and untyped metrics. */
  readonly simple: SimpleMetric[];
  /** Of summaries and histograms. */
  readonly observed: ObservedMetric[];
}

const types = new Set<string>(["counter", "gauge", "summary", "histogram", "untyped"]);

/** Families by name, sorted. @throws Error naming the line that cannot be read */
export function parsePrometheusText(text: string): Map<string, MetricFamily> {
  const families = new Map<string, MetricFamily>();
  const family = (name: string): MetricFamily => {
    let found = families.get(name);
    if (found === undefined) {
      found = { name, description: "", type: "untyped", simple: [], observed: [] };
      families.set(name, found);
    }
    return found;
  };
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "") continue;
    if (line.startsWith("#")) {
      const comment = /^#\s+(HELP|TYPE)\s+(\S+)\s*(.*)$/.exec(line);
      if (comment === null) continue;
      const [, kind, name, rest] = comment as unknown as [string, string, string, string];
      if (kind === "HELP") family(name).description = unescapeText(rest);
      else if (types.has(rest)) family(name).type = rest as MetricType;
      continue;
    }
    const sample = parseSample(line);
    if (sample === undefined) throw new Error(`text format parsing error in line ${index + 1}: "${line}"`);
    addSample(families, family, sample);
  }
  return new Map([...families].sort(([left], [right]) => (left < right ? -1 : 1)));
}

interface Sample {
  readonly name: string;
  readonly labels: Map<string, string>;
  readonly value: number;
}

function parseSample(line: string): Sample | undefined {
  const head = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\s*/.exec(line);
  if (head === null) return undefined;
  const labels = new Map<string, string>();
  let rest = line.slice(head[0].length);
  if (rest.startsWith("{")) {
    rest = rest.slice(1).trimStart();
    while (!rest.startsWith("}")) {
      const label = /^([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?\s*/.exec(rest);
      if (label === null) return undefined;
      labels.set(label[1]!, unescapeText(label[2]!));
      rest = rest.slice(label[0].length);
    }
    rest = rest.slice(1);
  }
  const [number = ""] = rest.trim().split(/\s+/);
  const value = parseNumber(number);
  return value === undefined ? undefined : { name: head[1]!, labels, value };
}

function parseNumber(text: string): number | undefined {
  if (/^[+]?inf$/i.test(text)) return Number.POSITIVE_INFINITY;
  if (/^-inf$/i.test(text)) return Number.NEGATIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  return text === "" || Number.isNaN(Number(text)) ? undefined : Number(text);
}

function unescapeText(text: string): string {
  return text.replace(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char));
}

/** Samples of summaries and histograms are told apart by the end of their name and by one label. */
function addSample(
  families: ReadonlyMap<string, MetricFamily>,
  family: (name: string) => MetricFamily,
  { name, labels, value }: Sample,
): void {
  const base = name.replace(/_(sum|count|bucket)$/, "");
  const owner = families.get(name)?.type === undefined ? families.get(base) : families.get(name);
  if (owner === undefined || (owner.type !== "summary" && owner.type !== "histogram")) {
    family(name).simple.push({ labels, value });
    return;
  }
  const boundLabel = owner.type === "summary" ? "quantile" : "le";
  const bound = labels.get(boundLabel);
  labels.delete(boundLabel);
  const metric = observedMetric(owner, labels);
  if (bound !== undefined) metric.bounds.set(parseNumber(bound) ?? Number.NaN, value);
  else if (name.endsWith("_sum")) metric.sampleSum = value;
  else if (name.endsWith("_count")) metric.sampleCount = value;
}

function observedMetric(owner: MetricFamily, labels: Labels): ObservedMetric {
  const key = JSON.stringify([...labels]);
  let found = owner.observed.find((metric) => JSON.stringify([...metric.labels]) === key);
  if (found === undefined) {
    found = { labels, sampleCount: 0, sampleSum: 0, bounds: new Map() };
    owner.observed.push(found);
  }
  return found;
}
