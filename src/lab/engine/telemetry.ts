import { errorText } from "../../faults/fault.ts";
import { type SharedTree, shareMetricTree } from "../../helper/telemetry/write.ts";
import type { EngineLog } from "./log.ts";

const SEGMENT_BYTES = 64 * 1024;

/** The few things that an emulated engine measures. */
export interface EngineTelemetry {
  /** It serves as this rank; told as often as one likes. */
  ready(rank: number): void;
  /** Another engine was found dead. */
  deadRank(): void;
  close(): void;
}

const now = () => BigInt(Math.floor(Date.now() / 1000));

/** Metrics in shared memory, under the names of the real engine. One that cannot have them runs without. */
export function openTelemetry(index: number, log: EngineLog): EngineTelemetry {
  try {
    return measure(shareMetricTree(index, SEGMENT_BYTES));
  } catch (error) {
    log.info(`no telemetry: ${errorText(error)}`);
    return { ready() {}, deadRank() {}, close() {} };
  }
}

function measure({ tree, close }: SharedTree): EngineTelemetry {
  const startedAt = tree.add("started_at", "timestamp", "Timestamp of last engine startup", "");
  const servicingAt = tree.add("servicing_at", "timestamp", "Timestamp when the engine became ready", "");
  const rankId = tree.add("rank", "gauge", "Rank ID of this engine", "");
  const dead = tree.add("events/dead_ranks", "counter", "Number of dead rank events received", "events");
  const lastEvent = tree.add("events/last_event_ts", "timestamp", "Timestamp of last received event", "");
  startedAt(now());
  let deadRanks = 0n;
  let serves = false;
  return {
    ready(rank) {
      rankId(BigInt(rank));
      if (!serves) servicingAt(now());
      serves = true;
    },
    deadRank() {
      dead(++deadRanks);
      lastEvent(now());
    },
    close,
  };
}
