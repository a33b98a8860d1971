import { excludedStates, inStates } from "./member-state.ts";
import type { Change, Member, SystemState } from "./types.ts";

/** The ranks that engines and clients may talk to. */
export interface GroupMap {
  readonly version: number;
  /** Ordered by rank. */
  readonly members: readonly Member[];
  /** Ranks on hosts that hold a replica of the management service. */
  readonly msRanks: readonly number[];
}

function inGroup(member: Member): boolean {
  return !inStates(member.state, excludedStates) && member.fabricUri !== "";
}

/**
 * The group map of a state. A stopped or silent member stays in it until it is excluded.
 * @param isReplica tells whether a control address ("ip:port") holds a replica.
 */
export function groupMap(state: SystemState, isReplica: (addr: string) => boolean): GroupMap {
  const members = [...state.members.values()].filter(inGroup).sort((a, b) => a.rank - b.rank);
  return {
    version: state.mapVersion,
    members,
    msRanks: members.filter((member) => isReplica(member.addr)).map((member) => member.rank),
  };
}

/** What of a member the group map holds; "" when it is left out. */
function groupEntry(member: Member | undefined): string {
  if (member === undefined || !inGroup(member)) return "";
  return JSON.stringify([
    member.fabricUri,
    member.secondaryFabricUris,
    member.fabricContexts,
    member.secondaryFabricContexts,
    member.incarnation.toString(),
  ]);
}

/** Writes a member; the map version rises with it when the group map becomes another. */
export function putMemberChanges(state: SystemState, member: Member): Change[] {
  const put: Change = { kind: "putMember", member };
  const same = groupEntry(state.members.get(member.rank)) === groupEntry(member);
  return same ? [put] : [put, { kind: "bumpMapVersion" }];
}
