import type { MessageInitShape } from "@bufbuild/protobuf";
import { wrapError } from "../../faults/cause.ts";
import { errorText } from "../../faults/fault.ts";
import { type JoinReq, JoinResp_State, type JoinRespSchema } from "../../gen/mgmt/svc_pb.ts";
import { serviceValue, serviceValueChange } from "../../system/attributes.ts";
import { decideJoin, JoinRefusedError } from "../../system/join.ts";
import { inStates } from "../../system/member-state.ts";
import { type Decision, MemberState, type SystemState } from "../../system/types.ts";
import type { CallContext } from "../method.ts";
import { listenAddr, resolveHost } from "./address.ts";
import { type Core, isCheckerEnabled } from "./core.ts";
import type { EventHandler } from "./events.ts";
import { type GroupUpdater, groupUpdatePausedName } from "./group-update.ts";
import { newEvent, RasId, RasSeverity, RasType } from "./ras.ts";

export const fabricProvidersName = "fabric_providers";

export interface JoinParts {
  readonly events: EventHandler;
  readonly groupUpdater: () => GroupUpdater | undefined;
}

/** Answers Join: an engine becomes a member, or a member again. */
export function createJoin(core: Core, parts: JoinParts) {
  const resolve = core.deps.resolveHost ?? resolveHost;

  /** Refusals are announced: somebody has to look after that engine. */
  const announce = (request: JoinReq, addr: string, reason: string): void => {
    const event = newEvent(
      {
        id: RasId.EngineJoinFailed,
        type: RasType.Info,
        severity: RasSeverity.Error,
        msg: `DAOS engine ${request.idx} (rank ${request.rank}) was not allowed to join the system`,
        hostname: addr,
        rank: request.rank,
        extendedInfo: { case: "strInfo", value: reason },
      },
      core.deps,
    );
    void parts.events.publish(event);
  };

  const decide = (state: SystemState, request: JoinReq, addr: string): Decision<JoinOutcome> => {
    checkProvider(state, request);
    const joined = decideJoin(
      state,
      {
        rank: request.rank,
        uuid: request.uuid,
        addr,
        fabricUri: request.uri,
        secondaryFabricUris: request.secondaryUris,
        fabricContexts: request.nctxs,
        secondaryFabricContexts: request.secondaryNctxs,
        faultDomain: request.srvFaultDomain,
        incarnation: request.incarnation,
        checkMode: request.checkMode,
        bootstrap: addr === core.deps.replicas[0] && request.idx === 0,
      },
      core.timestamp(),
    );
    const resumes = resumesGroupUpdate(state, joined.answer.member.rank);
    return {
      // The version rises once more, so that the update after this join is newer than the version the
      // engine is given with its rank: an engine passes over a map it believes to have.
      changes: [
        ...joined.changes,
        { kind: "bumpMapVersion" },
        ...(resumes ? [serviceValueChange(groupUpdatePausedName, "false")] : []),
      ],
      answer: { ...joined.answer, checking: isCheckerEnabled(state) },
    };
  };

  return async (request: JoinReq, context: CallContext): Promise<MessageInitShape<typeof JoinRespSchema>> => {
    core.leader({ whileChecking: true });
    const addr = await peerListenAddr(request, context, resolve);
    try {
      const { member, created, previous, mapVersion, checking } = await core.decide((state) =>
        decide(state, request, addr),
      );
      core.log.debug(
        created
          ? `new system member: rank ${member.rank}, addr ${addr}, primary uri ${member.fabricUri}`
          : `updated system member: rank ${member.rank}, primary uri ${member.fabricUri}, ${previous}->${member.state}`,
      );
      parts.groupUpdater()?.request("now");
      const state = checking ? JoinResp_State.CHECK : JoinResp_State.IN;
      return { state, rank: member.rank, mapVersion, localJoin: false };
    } catch (error) {
      if (!(error instanceof JoinRefusedError)) throw error;
      announce(request, addr, errorText(error));
      throw wrapError("failed to join system", error);
    }
  };
}

interface JoinOutcome {
  readonly member: { readonly rank: number; readonly fabricUri: string; readonly state: string };
  readonly created: boolean;
  readonly previous: string;
  readonly mapVersion: number;
  readonly checking: boolean;
}

async function peerListenAddr(
  request: JoinReq,
  context: CallContext,
  resolve: (host: string) => Promise<readonly string[]>,
): Promise<string> {
  try {
    return await listenAddr(request.addr, context.peerAddr, resolve);
  } catch (error) {
    throw wrapError(`failed to parse "${request.addr}" into a peer control address`, error);
  }
}

/** All engines of a system speak the fabric provider the leader is configured with. */
function checkProvider(state: SystemState, request: JoinReq): void {
  const end = request.uri.indexOf("://");
  if (end < 0) throw new Error(`unable to parse fabric provider from URI "${request.uri}"`);
  const provider = request.uri.slice(0, end);
  const wanted = serviceValue(state, fabricProvidersName)?.split(",")[0];
  if (wanted !== undefined && provider !== wanted) {
    throw new JoinRefusedError(
      `rank ${request.rank} fabric provider "${provider}" does not match system provider "${wanted}"`,
    );
  }
}

/** After a change of provider updates wait until every member but the excluded has come back with the new one. */
function resumesGroupUpdate(state: SystemState, joining: number): boolean {
  if (serviceValue(state, groupUpdatePausedName) !== "true") return false;
  const settled = MemberState.Joined | MemberState.AdminExcluded;
  for (const member of state.members.values()) {
    if (member.rank !== joining && !inStates(member.state, settled)) return false;
  }
  return true;
}
