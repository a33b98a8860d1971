import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { NotReplicaError } from "../../faults/system.ts";
import type { LeaderQueryRespSchema } from "../../gen/mgmt/svc_pb.ts";
import {
  type SystemMember,
  SystemMemberSchema,
  type SystemQueryReq,
  type SystemQueryResp,
  SystemQueryRespSchema,
} from "../../gen/mgmt/system_pb.ts";
import { allStates, inStates, memberStateText } from "../../system/member-state.ts";
import { sortRanks } from "../../system/ranks.ts";
import type { Member, SystemState } from "../../system/types.ts";
import { encodeOnce } from "../encode-once.ts";
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

  // And the answer to "all of them" is made once a state.
  const wholes = new WeakMap<SystemState, SystemQueryResp>();
  const whole = (state: SystemState): SystemQueryResp => {
    let answer = wholes.get(state);
    if (answer === undefined) {
      requireMembers(state);
      const members = sortRanks(state.members.keys()).flatMap((rank) => state.members.get(rank) ?? []);
      answer = encodeOnce(
        create(SystemQueryRespSchema, {
          members: members.map(messageOf),
          providers: providers(core),
          dataVersion: state.version,
        }),
      );
      wholes.set(state, answer);
    }
    return answer;
  };

  return async (request: SystemQueryReq): Promise<MessageInitShape<typeof SystemQueryRespSchema>> => {
    const state = core.replica({ whileChecking: true });
    if (isWhole(request)) return whole(state);
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
      providers: providers(core),
      dataVersion: state.version,
    };
  };
}

function isWhole({ ranks, hosts, stateMask }: SystemQueryReq): boolean {
  return ranks === "" && hosts === "" && (stateMask === 0 || stateMask === allStates);
}

function providers(core: Core): string[] {
  return core.deps.clientNetHints.map((hint) => hint.provider ?? "");
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
