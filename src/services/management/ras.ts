import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type RASEvent, RASEventSchema } from "../../gen/shared/event_pb.ts";
import { nilRank } from "../../system/ranks.ts";

/** Numbers of RAS events that the control plane acts on or raises (`ras_event` rows of codes-2.6.tsv). */
export const RasId = {
  EngineFormatRequired: 1,
  EngineDied: 2,
  PoolRepsUpdate: 9,
  SwimRankDead: 15,
  SystemStartFailed: 16,
  SystemStopFailed: 17,
  FabricProviderChanged: 23,
  EngineJoinFailed: 24,
} as const;

export const RasType = { StateChange: 1, Info: 2 } as const;
export const RasSeverity = { Error: 1, Warning: 2, Notice: 3 } as const;

/** Names by number, in the order of codes-2.6.tsv. */
const names = [
  "unknown_ras_event",
  "engine_format_required",
  "engine_died",
  "engine_asserted",
  "engine_clock_drift",
  "corruption_detected",
  "pool_rebuild_started",
  "pool_rebuild_finished",
  "pool_rebuild_failed",
  "pool_replicas_updated",
  "pool_durable_format_incompatible",
  "pool_destroy_deferred",
  "container_durable_format_incompatible",
  "rdb_durable_format_incompatible",
  "swim_rank_alive",
  "swim_rank_dead",
  "system_start_failed",
  "system_stop_failed",
  "device_set_faulty",
  "device_media_error",
  "device_unplugged",
  "device_plugged",
  "device_replace",
  "system_fabric_provider_changed",
  "engine_join_failed",
] as const;

export function rasName(id: number): string {
  return names[id] ?? "unknown_unknown";
}

/** An event raised by this server, its missing parts filled in. */
export function newEvent(
  event: MessageInitShape<typeof RASEventSchema>,
  source: { readonly hostname: string; now(): Date },
): RASEvent {
  const made = create(RASEventSchema, event);
  made.timestamp ||= source.now().toISOString();
  made.hostname ||= source.hostname;
  made.procId ||= BigInt(process.pid);
  made.severity ||= RasSeverity.Notice;
  return made;
}

/** A message about the system as a whole, of no rank. */
export function systemEvent(
  id: number,
  severity: number,
  msg: string,
  source: { readonly hostname: string; now(): Date },
): RASEvent {
  const extendedInfo = { case: "strInfo", value: "" } as const;
  return newEvent({ id, type: RasType.Info, severity, msg, rank: nilRank, extendedInfo }, source);
}

/** The line an event leaves in the log: the form that engines write and tools look for. */
export function rasLine(event: RASEvent): string {
  const optional = (name: string, value: string | bigint): string =>
    value === "" || value === 0n ? "" : ` ${name}: [${value}]`;
  const type = event.type === RasType.StateChange ? "STATE_CHANGE" : "INFO";
  const severity = ["NOTICE", "ERROR", "WARNING"][event.severity] ?? "NOTICE";
  const data = event.extendedInfo.case === "strInfo" ? event.extendedInfo.value : "";
  return [
    `&&& RAS id: [${rasName(event.id)}]`,
    optional("ts", event.timestamp),
    optional("host", event.hostname),
    ` type: [${type}] sev: [${severity}]`,
    optional("msg", event.msg),
    optional("pid", event.procId),
    optional("tid", event.threadId),
    optional("hwid", event.hwId),
    event.rank === nilRank ? "" : ` rank: [${event.rank}]`,
    optional("jobid", event.jobId),
    optional("pool", event.poolUuid),
    optional("container", event.contUuid),
    optional("objid", event.objId),
    optional("ctlop", event.ctlOp),
    optional("data", data),
  ].join("");
}
