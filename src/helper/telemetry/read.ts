import * as layout from "./layout.ts";

export interface MetricStats {
  readonly min: bigint;
  readonly max: bigint;
  readonly sum: bigint;
  readonly sumOfSquares: number;
  readonly samples: bigint;
}

/** One metric of an engine. */
export interface EngineMetric {
  /** Names from the root on, "/" between them: "ID: 0/pool/<uuid>/ops/fetch/tgt_1". */
  readonly path: string;
  readonly kind: "counter" | "gauge" | "timestamp" | "snapshot" | "duration";
  /** A number; seconds since 1970 of a timestamp; nanoseconds of the others. */
  readonly value: bigint;
  readonly stats: MetricStats | undefined;
  readonly description: string;
}

/** A copy of one segment, and where its engine had it. */
class Segment {
  readonly #view: DataView;
  readonly #base: bigint;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = bytes.byteLength < layout.header.sizeBytes ? 0n : this.u64(layout.header.baseAddress);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  u64(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }

  f64(offset: number): number {
    return this.#view.getFloat64(offset, true);
  }

  /** Where the pointer at `offset` leads to, if `sizeBytes` of it lie within the segment. */
  follow(offset: number, sizeBytes: number): number | undefined {
    const distance = this.u64(offset) - this.#base;
    if (distance < layout.header.sizeBytes || distance > this.bytes.byteLength - sizeBytes) return undefined;
    return Number(distance);
  }

  /** The text that the pointer at `offset` leads to; "" when it leads nowhere. */
  text(offset: number, maxBytes: number): string {
    const at = this.follow(offset, 1);
    if (at === undefined) return "";
    const within = this.bytes.subarray(at, at + maxBytes);
    const end = within.indexOf(0);
    return Buffer.from(within.subarray(0, end < 0 ? within.length : end)).toString("utf8");
  }
}

/** More than any engine has; a tree that bites its tail ends here at the latest. */
const MAX_NODES = 2_000_000;
const MAX_DEPTH = 64;

/**
 * Every metric below the segment with `key`. `open` gives a copy of a segment, or undefined. The engine goes on
 * writing while it is copied, or died in the midst of writing: whatever leads nowhere is left out.
 */
export function readMetrics(
  key: number,
  open: (key: number) => Uint8Array | undefined,
): EngineMetric[] | undefined {
  const segments = new Map<number, Segment | undefined>();
  const found: EngineMetric[] = [];
  const seen = new Set<string>();

  function segmentOf(wanted: number): Segment | undefined {
    if (segments.has(wanted)) return segments.get(wanted);
    const bytes = open(wanted);
    const usable = bytes !== undefined && bytes.byteLength >= layout.header.sizeBytes;
    const segment = usable ? new Segment(bytes) : undefined;
    segments.set(wanted, segment);
    return segment;
  }

  /** A node and all that follow it beside it. */
  function visit(segment: Segment, segmentKey: number, first: number, path: string, depth: number): void {
    if (depth > MAX_DEPTH) return;
    for (
      let at: number | undefined = first;
      at !== undefined;
      at = segment.follow(at + layout.node.sibling, layout.node.sizeBytes)
    ) {
      const id = `${segmentKey}:${at}`;
      if (seen.has(id) || seen.size >= MAX_NODES) return;
      seen.add(id);
      look(segment, segmentKey, at, path, depth);
    }
  }

  function look(segment: Segment, segmentKey: number, at: number, path: string, depth: number): void {
    const type = segment.u32(at + layout.node.type);
    if (type === layout.NodeType.Link) {
      const data = segment.follow(at + layout.node.metric, layout.metric.sizeBytes);
      const key = data === undefined ? 0n : segment.u64(data + layout.metric.data);
      if (key !== 0n) visitRoot(Number(BigInt.asUintN(32, key)), path, depth);
      return;
    }
    const name = segment.text(at + layout.node.name, layout.MAX_NAME_BYTES);
    if (name === "") return;
    const own = path === "" ? name : `${path}/${name}`;
    if (type === layout.NodeType.Directory) {
      const child = segment.follow(at + layout.node.child, layout.node.sizeBytes);
      if (child !== undefined) visit(segment, segmentKey, child, own, depth + 1);
      return;
    }
    const metric = metricAt(segment, at, type, own);
    if (metric !== undefined) found.push(metric);
  }

  /** The root of a linked segment has the name of the link. */
  function visitRoot(wanted: number, path: string, depth: number): boolean {
    const segment = segmentOf(wanted);
    const root = segment?.follow(layout.header.root, layout.node.sizeBytes);
    if (segment === undefined || root === undefined) return false;
    visit(segment, wanted, root, path, depth + 1);
    return true;
  }

  return visitRoot(key, "", 0) ? found : undefined;
}

function kindOf(type: number): EngineMetric["kind"] | undefined {
  const { Counter, Duration, Gauge, Snapshot, StatsGauge, Timestamp } = layout.NodeType;
  if (type === Gauge || type === StatsGauge) return "gauge";
  if (type === Counter) return "counter";
  if (type === Timestamp) return "timestamp";
  // With the clock it goes by in further bits.
  if ((type & Snapshot) !== 0) return "snapshot";
  return (type & Duration) !== 0 ? "duration" : undefined;
}

function metricAt(segment: Segment, at: number, type: number, path: string): EngineMetric | undefined {
  const kind = kindOf(type);
  const data = segment.follow(at + layout.node.metric, layout.metric.sizeBytes);
  if (kind === undefined || data === undefined) return undefined;
  const number = segment.u64(data + layout.metric.data);
  const timed = kind === "snapshot" || kind === "duration";
  const withStats = kind === "duration" || type === layout.NodeType.StatsGauge;
  return {
    path,
    kind,
    value: timed ? number * 1_000_000_000n + segment.u64(data + layout.metric.data + 8) : number,
    stats: withStats ? statsAt(segment, data) : undefined,
    description: segment.text(data + layout.metric.description, layout.MAX_TEXT_BYTES),
  };
}

const NO_STATS: MetricStats = { min: 0n, max: 0n, sum: 0n, sumOfSquares: 0, samples: 0n };

function statsAt(segment: Segment, data: number): MetricStats {
  const at = segment.follow(data + layout.metric.stats, layout.stats.sizeBytes);
  if (at === undefined) return NO_STATS;
  return {
    min: segment.u64(at + layout.stats.min),
    max: segment.u64(at + layout.stats.max),
    sum: segment.u64(at + layout.stats.sum),
    sumOfSquares: segment.f64(at + layout.stats.sumOfSquares),
    samples: segment.u64(at + layout.stats.samples),
  };
}
