import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { DrpcModule, SrvMethod } from "../../drpc/methods.ts";
import { ClusterEventReqSchema, RASEventSchema } from "../../gen/shared/event_pb.ts";
import { encodeLikeEngine } from "./encode.ts";
import type { EngineLog } from "./log.ts";
import type { Upcalls } from "./upcall.ts";

/** RAS events the emulated engine raises: rows `ras_event` of codes-2.6.tsv. */
export const RasId = {
  POOL_REBUILD_STARTED: 6,
  POOL_REBUILD_FINISHED: 7,
  POOL_REPLICAS_UPDATED: 9,
  SWIM_RANK_DEAD: 15,
  DEVICE_SET_FAULTY: 18,
  DEVICE_REPLACE: 22,
} as const;

const names: Readonly<Record<number, string>> = {
  [RasId.POOL_REBUILD_STARTED]: "pool_rebuild_started",
  [RasId.POOL_REBUILD_FINISHED]: "pool_rebuild_finished",
  [RasId.POOL_REPLICAS_UPDATED]: "pool_replicas_updated",
  [RasId.SWIM_RANK_DEAD]: "swim_rank_dead",
  [RasId.DEVICE_SET_FAULTY]: "device_set_faulty",
  [RasId.DEVICE_REPLACE]: "device_replace",
};

const RasType = { STATE_CHANGE: 1, INFO: 2 } as const;
const RasSeverity = { ERROR: 1, WARNING: 2, NOTICE: 3 } as const;
const typeNames: Readonly<Record<number, string>> = { 1: "STATE_CHANGE", 2: "INFO" };
const severityNames: Readonly<Record<number, string>> = { 1: "ERROR", 2: "WARNING", 3: "NOTICE" };

/** No rank: what 2.6 puts where an event has none. */
export const nilRank = 0xffff_ffff;

/** Raises events to the server. None of them rejects: a failure is in the log. */
export interface Ras {
  swimRankDead(rank: number, incarnation: bigint): Promise<void>;
  poolReplicasUpdated(poolUuid: string, replicas: readonly number[], term: number): Promise<void>;
  rebuild(what: "started" | "finished", poolUuid: string, mapVersion: number): Promise<void>;
  deviceSetFaulty(uuid: string): Promise<void>;
  deviceReplaced(oldUuid: string, newUuid: string): Promise<void>;
}

/** ISO 8601 with microseconds and the zone without a colon, as the engine writes it. */
export function rasTimestamp(now: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const zone = -now.getTimezoneOffset();
  const sign = zone < 0 ? "-" : "+";
  const offset = `${sign}${two(Math.floor(Math.abs(zone) / 60))}${two(Math.abs(zone) % 60)}`;
  return (
    `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}T` +
    `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}.` +
    `${String(now.getMilliseconds()).padStart(3, "0")}000${offset}`
  );
}

export interface RasOptions {
  readonly upcalls: Upcalls;
  readonly log: EngineLog;
  readonly hostname: string;
  /** This engine's rank, nilRank before it has one. */
  rank(): number;
}

export function createRas({ upcalls, log, hostname, rank }: RasOptions): Ras {
  const raise = async (event: MessageInitShape<typeof RASEventSchema> & { id: number }): Promise<void> => {
    const full = create(RASEventSchema, {
      timestamp: rasTimestamp(new Date()),
      hostname,
      procId: BigInt(process.pid),
      rank: rank(),
      ...event,
    });
    const optional = full.poolUuid === "" ? "" : ` pool: [${full.poolUuid}]`;
    log.notice(
      `&&& RAS EVENT id: [${names[full.id]}] ts: [${full.timestamp}] host: [${hostname}] ` +
        `type: [${typeNames[full.type]}] sev: [${severityNames[full.severity]}] msg: [${full.msg}] ` +
        `pid: [${process.pid}] rank: [${full.rank}]${optional}`,
    );
    try {
      const body = encodeLikeEngine(ClusterEventReqSchema, create(ClusterEventReqSchema, { event: full }));
      await upcalls.call(DrpcModule.SRV, SrvMethod.CLUSTER_EVENT, body);
    } catch (error) {
      log.error(`failed to send RAS event ${names[full.id]} over dRPC: ${(error as Error).message}`);
    }
  };
  const info = (value: string) => ({ case: "strInfo" as const, value });

  return {
    swimRankDead: (dead, incarnation) =>
      raise({
        id: RasId.SWIM_RANK_DEAD,
        msg: "SWIM marked rank as dead.",
        type: RasType.STATE_CHANGE,
        severity: RasSeverity.NOTICE,
        rank: dead,
        incarnation,
      }),
    poolReplicasUpdated: (poolUuid, replicas, term) =>
      raise({
        id: RasId.POOL_REPLICAS_UPDATED,
        msg: "List of pool service replica ranks has been updated.",
        type: RasType.STATE_CHANGE,
        severity: RasSeverity.NOTICE,
        poolUuid,
        extendedInfo: {
          case: "poolSvcInfo",
          value: { svcReps: [...replicas], version: BigInt(term) },
        },
      }),
    rebuild: (what, poolUuid, mapVersion) =>
      raise({
        id: what === "started" ? RasId.POOL_REBUILD_STARTED : RasId.POOL_REBUILD_FINISHED,
        msg: what === "started" ? "Pool rebuild started." : "Pool rebuild finished.",
        type: RasType.INFO,
        severity: RasSeverity.NOTICE,
        poolUuid,
        extendedInfo: info(`map_ver: [${mapVersion}] op: [Rebuild]`),
      }),
    deviceSetFaulty: (uuid) =>
      raise({
        id: RasId.DEVICE_SET_FAULTY,
        msg: `Dev: ${uuid} set faulty`,
        type: RasType.INFO,
        severity: RasSeverity.NOTICE,
        extendedInfo: info(""),
      }),
    deviceReplaced: (oldUuid, newUuid) =>
      raise({
        id: RasId.DEVICE_REPLACE,
        msg: `Replaced device: ${oldUuid} with device ${newUuid}`,
        type: RasType.INFO,
        severity: RasSeverity.NOTICE,
        extendedInfo: info(""),
      }),
  };
}
