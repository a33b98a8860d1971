import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { NotReplicaError } from "../../faults/system.ts";
import type { LeaderQueryRespSchema } from "../../gen/mgmt/svc_pb.ts";
import {
  type SystemMember,
  SystemMemberSchema,
  type SystemQueryReq,
  type SystemQueryRespSchema,
} from "../../gen/mgmt/system_pb.ts";
import { allStates, inStates, memberStateText } from "../../system/member-state.ts";
import type { Member } from "../../system/types.ts";
import { type Core, requireMembers } from "./core.ts";
import { selectRanks } from "./selection.ts";

/** Answers LeaderQuery: also before the system exists, without a leader then. */
export function createLeaderQuery(core: Core) {
  return (): MessageInitShape<typeof LeaderQueryRespSchema> => {
    const { deps } = core;
    if (!core.isReplica(deps.selfAddr)) throw new NotReplicaError(deps.replicas);
    return {
      currentLeader: core.running()?.store.leadership().leaderHint ?? "",
      replicas: [...deps.replicas],
    };
  };
}

/** Answers SystemQuery from what the service knows; engines are not asked. */
export function createSystemQuery(core: Core) {
  // A member is an immutable record: its message is made once, whatever is asked how often.
  const messages = new WeakMap<Member, SystemMember>();
  const messageOf = (member: Member): SystemMember => {
    let message = messages.get(member);
    if (message === undefined) {
      message = memberMessage(member);
      messages.set(member, message);
    }
    return message;
  };

  return async (request: SystemQueryReq): Promise<MessageInitShape<typeof SystemQueryRespSchema>> => {
    const state = core.replica({ whileChecking: true });
    const selection = await selectRanks(state, request, core.deps.resolveHost);
    if (selection.everyone) requireMembers(state);
    const absent = { absentranks: selection.absentRanks, absenthosts: selection.absentHosts };
    if (selection.ranks.length === 0) return absent;
    const mask = request.stateMask === 0 ? allStates : request.stateMask;
    const members: SystemMember[] = [];
    for (const rank of selection.ranks) {
      const member = state.members.get(rank);
      if (member !== undefined && (mask === allStates || inStates(member.state, mask))) {
        members.push(messageOf(member));
      }
    }
    return {
      ...absent,
      members,
      providers: core.deps.clientNetHints.map((hint) => hint.provider ?? ""),
      dataVersion: state.version,
    };
  };
}

function memberMessage(member: Member): SystemMember {
  return create(SystemMemberSchema, {
    addr: member.addr,
    uuid: member.uuid,
    rank: member.rank,
    incarnation: member.incarnation,
    state: memberStateText(member.state),
    fabricUri: member.fabricUri,
    fabricContexts: member.fabricContexts,
    info: member.info,
    faultDomain: member.faultDomain,
    lastUpdate: member.lastUpdate,
    secondaryFabricUris: [...member.secondaryFabricUris],
  });
}
