import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RASEventSchema } from "../gen/shared/event_pb.ts";

/** A RAS event as it crosses the wire (shared.RASEvent). */
export type RasEvent = MessageInitShape<typeof RASEventSchema>;

/** "No rank" in an event (CRT_NO_RANK). */
export const NO_RANK = 0xffffffff;

/** Numbers of the events this room raises: the `ras_event` rows of codes-2.6.tsv. */
export const RasId = { engineFormatRequired: 1, engineDied: 2 } as const;

export const RasType = { stateChange: 1, info: 2 } as const;
export const RasSeverity = { error: 1, warning: 2, notice: 3 } as const;

/** ISO 8601 with milliseconds and offset, "2026-01-31T12:00:00.000+00:00", as 2.6 stamps its events. */
export function rasTimestamp(now: Date): string {
  return now.toISOString().replace("Z", "+00:00");
}

/** The process of an engine ended without being asked to. */
export function engineDiedEvent(about: {
  hostname: string;
  instance: number;
  rank: number | undefined;
  status: string;
  pid: number | undefined;
  now: Date;
}): RasEvent {
  return {
    id: RasId.engineDied,
    msg: `DAOS engine ${about.instance} exited unexpectedly: ${about.status}`,
    timestamp: rasTimestamp(about.now),
    type: RasType.stateChange,
    severity: RasSeverity.error,
    hostname: about.hostname,
    rank: about.rank ?? NO_RANK,
    procId: BigInt(about.pid ?? process.pid),
    extendedInfo: {
      case: "engineStateInfo",
      value: { instance: about.instance, errored: true, error: about.status },
    },
  };
}

/** An engine's storage waits for an administrator. @param kind "SCM" or "Metadata". */
export function formatRequiredEvent(about: {
  hostname: string;
  instance: number;
  kind: string;
  now: Date;
}): RasEvent {
  return {
    id: RasId.engineFormatRequired,
    msg: `DAOS engine ${about.instance} requires a ${about.kind} format`,
    timestamp: rasTimestamp(about.now),
    type: RasType.info,
    severity: RasSeverity.notice,
    hostname: about.hostname,
    rank: NO_RANK,
    procId: BigInt(process.pid),
    extendedInfo: { case: "engineStateInfo", value: { instance: about.instance } },
  };
}
