import type { MessageInitShape } from "@bufbuild/protobuf";
import { errorText } from "../../faults/fault.ts";
import { NotLeaderError } from "../../faults/system.ts";
import { MgmtSvc } from "../../gen/mgmt/mgmt_pb.ts";
import type { RASEvent, RASEventSchema } from "../../gen/shared/event_pb.ts";
import { parseUuid } from "../../system/labels.ts";
import { decideEngineDied, decideRankDead } from "../../system/membership.ts";
import { decidePoolReplicas } from "../../system/pools.ts";
import { formatRanks } from "../../system/ranks.ts";
import type { Core } from "./core.ts";
import type { GroupUpdater } from "./group-update.ts";
import type { PoolLocks } from "./pool-locks.ts";
import { newEvent, RasId, RasType, rasLine } from "./ras.ts";

/** How long an event looks for a leader before it is given up. */
const forwardTimeoutMs = 5 * 60_000;

export interface EventHandler {
  /** An event of this server or of one of its engines. Returns when it has been dealt with; never throws. */
  publish(event: MessageInitShape<typeof RASEventSchema>): Promise<void>;
  /** An event another server has forwarded to us as the leader; it was logged there. */
  handleForwarded(event: RASEvent): Promise<void>;
}

/**
 * Deals with RAS events: each is logged where it was raised; one that changes the state of the system is
 * acted on by the leader, to whom other servers forward it. An event told twice changes nothing the second
 * time: the rules look at state and incarnation.
 */
export function createEventHandler(
  core: Core,
  parts: { readonly groupUpdater: () => GroupUpdater | undefined; readonly poolLocks: PoolLocks },
): EventHandler {
  const { log, deps } = core;
  let sequence = 0n;

  const rankDead = async (event: RASEvent): Promise<void> => {
    log.debug(
      `${event.hostname} marked rank ${event.rank}:${event.incarnation.toString(16)} dead @ ${event.timestamp}`,
    );
    const verdict = await core.decide((state) =>
      decideRankDead(state, event.rank, event.incarnation, core.timestamp()),
    );
    const about = `rank dead event for rank ${event.rank}`;
    switch (verdict.kind) {
      case "excluded":
        log.info(
          `rank ${event.rank} (${verdict.member.addr}) is down: marking rank ${event.rank} as Excluded in response to rank dead event`,
        );
        log.notice(`rank ${event.rank} is excluded`);
        parts.groupUpdater()?.request("soon");
        return;
      case "unknownRank":
        log.error(`${about}: unable to find member with rank ${event.rank}`);
        return;
      case "refused":
        if (verdict.from === "Excluded") log.debug(`${about}: already excluded`);
        else log.error(`illegal member state update for rank ${event.rank}: ${verdict.from}->Excluded`);
        return;
      case "previousIncarnation":
        log.debug(`ignoring ${about}: it is for a previous incarnation`);
    }
  };

  const engineDied = async (event: RASEvent): Promise<void> => {
    const before = await core.decide((state) =>
      decideEngineDied(state, event.rank, event.msg, core.timestamp()),
    );
    if (before === undefined) log.debug(`engine died event for rank ${event.rank} changed nothing`);
    else log.error(`rank ${event.rank}: ${before}->Errored${event.msg === "" ? "" : ` (${event.msg})`}`);
  };

  const poolReplicas = async (event: RASEvent): Promise<void> => {
    const info = event.extendedInfo;
    const uuid = parseUuid(event.poolUuid);
    if (info.case !== "poolSvcInfo" || uuid === undefined) {
      log.error(`pool replicas event without a pool or its replicas: ${rasLine(event)}`);
      return;
    }
    const replicas = info.value.svcReps;
    const busy = parts.poolLocks.isLocked(uuid);
    const pool = await core.decide((state) =>
      decidePoolReplicas(state, uuid, replicas, { creating: busy }, core.timestamp()),
    );
    if (pool !== undefined) log.info(`pool ${pool.label}: service ranks set to ${formatRanks(replicas)}`);
  };

  const act = async (event: RASEvent): Promise<void> => {
    switch (event.id) {
      case RasId.SwimRankDead:
        await rankDead(event);
        return;
      case RasId.EngineDied:
        await engineDied(event);
        return;
      case RasId.PoolRepsUpdate:
        await poolReplicas(event);
    }
  };

  const forward = async (event: RASEvent): Promise<void> => {
    await deps.peers.leader(
      MgmtSvc.method.clusterEvent,
      deps.replicas,
      { sequence: ++sequence, event },
      { timeoutMs: forwardTimeoutMs },
    );
  };

  /** Leadership may have gone to another replica just now: then the event goes after it. */
  const actOrForward = async (event: RASEvent): Promise<void> => {
    try {
      await act(event);
    } catch (error) {
      if (!(error instanceof NotLeaderError)) throw error;
      await forward(event);
    }
  };

  return {
    async publish(init) {
      const event = newEvent(init, deps);
      log.info(rasLine(event));
      if (event.type !== RasType.StateChange) return;
      try {
        if (core.isLeader()) await actOrForward(event);
        else await forward(event);
      } catch (error) {
        log.error(`event not handled (${rasLine(event)}): ${errorText(error)}`);
      }
    },
    handleForwarded: actOrForward,
  };
}
