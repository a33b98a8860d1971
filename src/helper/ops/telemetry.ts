import {
  copySharedMemory,
  findSharedMemory,
  removeSharedMemory,
  type SharedMemory,
} from "../../ffi/shared-memory.ts";
import { metricName } from "../telemetry/names.ts";
import { isAlive } from "../telemetry/processes.ts";
import { readMetrics } from "../telemetry/read.ts";

/** Memory that a client has told of. Only what that user has made is touched. */
export interface SegmentRequest {
  readonly key: number;
  readonly uid: number;
}

/** A client's metric, named as 2.6 exports it but for the word in front. */
export interface ClientMetric {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly kind: "counter" | "gauge" | "timestamp" | "snapshot" | "duration";
  readonly description: string;
  readonly value: number;
  readonly stats?: {
    readonly min: number;
    readonly max: number;
    readonly sum: number;
    readonly sumOfSquares: number;
    readonly samples: number;
  };
}

export interface SegmentAnswer {
  readonly key: number;
  /** There is such memory, made by that user. */
  readonly found: boolean;
  readonly metrics?: readonly ClientMetric[];
  readonly error?: string;
}

/** A client's metrics fill some MiB at most. */
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;

/** Reads the metrics of clients; what is wrong with one does not spoil the others. */
export function readTelemetry(segments: readonly SegmentRequest[]): SegmentAnswer[] {
  return segments.map((request) =>
    guarded(request, (segment) => ({ key: request.key, found: true, metrics: metricsOf(request, segment) })),
  );
}

/** Removes memory that is older than that and whose maker is gone; tells which is no more. */
export function pruneTelemetry(segments: readonly SegmentRequest[], olderThanMs: number): SegmentAnswer[] {
  return segments.map((request) =>
    guarded(request, (segment) => {
      const ageMs = Date.now() - segment.changedAtSeconds * 1000;
      const wanted = ageMs <= olderThanMs || isAlive(segment.creatorPid);
      if (!wanted) removeSharedMemory(segment.id);
      return { key: request.key, found: wanted };
    }),
  );
}

function guarded(request: SegmentRequest, work: (segment: SharedMemory) => SegmentAnswer): SegmentAnswer {
  try {
    const segment = ownSegment(request.key, request.uid);
    return segment === undefined ? { key: request.key, found: false } : work(segment);
  } catch (error) {
    return { key: request.key, found: true, error: error instanceof Error ? error.message : String(error) };
  }
}

function ownSegment(key: number, uid: number): SharedMemory | undefined {
  const segment = findSharedMemory(key);
  return segment?.creatorUid === uid ? segment : undefined;
}

function metricsOf({ key, uid }: SegmentRequest, segment: SharedMemory): ClientMetric[] {
  // Links lead to further memory, which has to be the same user's.
  const open = (wanted: number) => {
    const found = wanted === key ? segment : ownSegment(wanted | 0, uid);
    return found === undefined || found.sizeBytes > MAX_SEGMENT_BYTES ? undefined : copySharedMemory(found);
  };
  const metrics = readMetrics(key, open);
  if (metrics === undefined) throw new Error("no metrics in it");
  return metrics.map(({ path, kind, description, value, stats }) => ({
    ...clientMetricName(path),
    kind,
    description,
    value: Number(value),
    ...(stats === undefined
      ? {}
      : {
          stats: {
            min: Number(stats.min),
            max: Number(stats.max),
            sum: Number(stats.sum),
            sumOfSquares: Number.isFinite(stats.sumOfSquares) ? stats.sumOfSquares : 0,
            samples: Number(stats.samples),
          },
        }),
  }));
}

/** The tree begins with the process; where a thread measures for itself its number follows. */
export function clientMetricName(path: string): Pick<ClientMetric, "name" | "labels"> {
  const parts = path.split("/").slice(1);
  const tid = parts.length > 1 && /^\d+$/.test(parts[0]!) ? parts.shift() : undefined;
  const { name, labels } = metricName(parts.join("/"));
  return { name, labels: tid === undefined ? labels : { ...labels, tid } };
}
