import type { MessageInitShape } from "@bufbuild/protobuf";
import { CtlSvc } from "../../gen/ctl/ctl_pb.ts";
import type {
  SystemExcludeReq,
  SystemExcludeRespSchema,
  SystemStartReq,
  SystemStartRespSchema,
  SystemStopReq,
  SystemStopRespSchema,
} from "../../gen/mgmt/system_pb.ts";
import type { RankResultSchema } from "../../gen/shared/ranks_pb.ts";
import { memberStateText } from "../../system/member-state.ts";
import { decideAdminExclude } from "../../system/membership.ts";
import type { CallContext } from "../method.ts";
import type { ManagementParts } from "./parts.ts";
import { failedRanksText, fanOutRanks, type RankOutcome } from "./rank-fanout.ts";
import { RasId, RasSeverity, systemEvent } from "./ras.ts";
import { type Selection, selectRanks } from "./selection.ts";

/** Stopping, starting and excluding ranks. */
export function rankMethods(parts: ManagementParts) {
  return {
    systemStop: {
      roles: ["admin"] as const,
      handle: (request: SystemStopReq, context: CallContext) => stop(parts, request, context.signal),
    },
    systemStart: {
      roles: ["admin"] as const,
      handle: (request: SystemStartReq, context: CallContext) => start(parts, request, context.signal),
    },
    systemExclude: {
      roles: ["admin"] as const,
      handle: (request: SystemExcludeReq) => exclude(parts, request),
    },
  };
}

/**
 * Stops ranks in two steps: when all of the system goes down and nothing is forced, each rank first
 * prepares; only if all could are they stopped.
 */
export async function stop(
  { core, events }: ManagementParts,
  request: Pick<SystemStopReq, "ranks" | "hosts" | "force">,
  signal?: AbortSignal,
): Promise<MessageInitShape<typeof SystemStopRespSchema>> {
  const state = core.leader({ whileChecking: true });
  const selection = await selectRanks(state, request, core.deps.resolveHost);
  const { ranks } = selection;
  const answer = (action: string, outcomes: readonly RankOutcome[]) => {
    const failed = failedRanksText(outcomes);
    if (failed !== undefined) {
      const msg = `System shutdown failed during "${action}" action, ${failed}`;
      void events.publish(systemEvent(RasId.SystemStopFailed, RasSeverity.Error, msg, core.deps));
    }
    return rankAnswer(action, selection, outcomes);
  };

  if (!request.force && ranks.length === state.members.size) {
    const prepared = await fanOutRanks(core, {
      method: CtlSvc.method.prepShutdownRanks,
      ranks,
      updateOnFail: true,
      signal,
    });
    if (failedRanksText(prepared) !== undefined) return answer("prep shutdown", prepared);
  }
  const stopped = await fanOutRanks(core, {
    method: CtlSvc.method.stopRanks,
    ranks,
    force: request.force,
    updateOnFail: true,
    signal,
  });
  return answer("stop", stopped);
}

/** Starts ranks again on their servers. */
export async function start(
  { core, events }: ManagementParts,
  request: Pick<SystemStartReq, "ranks" | "hosts" | "checkMode">,
  signal?: AbortSignal,
): Promise<MessageInitShape<typeof SystemStartRespSchema>> {
  const state = core.leader({ whileChecking: true });
  const selection = await selectRanks(state, request, core.deps.resolveHost);
  const outcomes = await fanOutRanks(core, {
    method: CtlSvc.method.startRanks,
    ranks: selection.ranks,
    checkMode: request.checkMode,
    updateOnFail: true,
    signal,
  });
  const failed = failedRanksText(outcomes);
  if (failed !== undefined) {
    const msg = `System startup failed, ${failed}`;
    void events.publish(systemEvent(RasId.SystemStartFailed, RasSeverity.Error, msg, core.deps));
  }
  return rankAnswer("start", selection, outcomes);
}

async function exclude(
  { core, groupUpdater }: ManagementParts,
  request: SystemExcludeReq,
): Promise<MessageInitShape<typeof SystemExcludeRespSchema>> {
  const state = core.leader({ whileChecking: true });
  if (request.hosts === "" && request.ranks === "") throw new Error("no hosts or ranks specified");
  const selection = await selectRanks(state, request, core.deps.resolveHost);
  if (selection.absentHosts !== "") throw new Error(`invalid host(s): ${selection.absentHosts}`);
  if (selection.absentRanks !== "") throw new Error(`invalid rank(s): ${selection.absentRanks}`);
  const members = await core.decide((now) =>
    decideAdminExclude(now, selection.ranks, request.clear, core.timestamp()),
  );
  groupUpdater()?.request("soon");
  return {
    results: members.map((member) => ({
      rank: member.rank,
      action: request.clear ? "clear admin-excluded state" : "set admin-excluded state",
      state: memberStateText(member.state),
      addr: member.addr,
    })),
  };
}

/** What became of each rank, and who was named that does not exist. */
function rankAnswer(action: string, selection: Selection, outcomes: readonly RankOutcome[]) {
  return {
    results: rankResults(action, outcomes),
    absentranks: selection.absentRanks,
    absenthosts: selection.absentHosts,
  };
}

export function rankResults(
  action: string,
  outcomes: readonly RankOutcome[],
): MessageInitShape<typeof RankResultSchema>[] {
  return outcomes.map(({ rank, errored, message, state, addr }) => ({
    rank,
    action,
    errored,
    msg: message,
    state: memberStateText(state),
    addr,
  }));
}
