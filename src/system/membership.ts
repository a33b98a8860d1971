import { putMemberChanges } from "./group-map.ts";
import { inStates, mayBecome } from "./member-state.ts";
import type { Change, Decision, Member, MemberStateName, SystemState } from "./types.ts";

/** What became of one rank in a start, a stop or another action on ranks. */
export interface RankReport {
  readonly rank: number;
  readonly state: MemberStateName;
  readonly errored: boolean;
  /** The error, or a word about the success. */
  readonly message: string;
}

/** Ranks in any state of the mask, in order. */
export function ranksInStates(state: SystemState, mask: number): number[] {
  const ranks: number[] = [];
  for (const member of state.members.values()) if (inStates(member.state, mask)) ranks.push(member.rank);
  return ranks.sort((a, b) => a - b);
}

/** Splits ranks into those that are members and those that are not. */
export function splitRanks(
  state: SystemState,
  ranks: readonly number[],
): { known: number[]; absent: number[] } {
  const known: number[] = [];
  const absent: number[] = [];
  for (const rank of ranks) (state.members.has(rank) ? known : absent).push(rank);
  return { known, absent };
}

/** Ranks by control address, of all members or of those given; addresses and ranks in order. */
export function ranksByAddr(state: SystemState, ranks?: Iterable<number>): Map<string, number[]> {
  const wanted = ranks === undefined ? undefined : new Set(ranks);
  const byAddr = new Map<string, number[]>();
  for (const member of [...state.members.values()].sort((a, b) => a.rank - b.rank)) {
    if (wanted !== undefined && !wanted.has(member.rank)) continue;
    const list = byAddr.get(member.addr);
    if (list === undefined) byAddr.set(member.addr, [member.rank]);
    else list.push(member.rank);
  }
  return new Map([...byAddr].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/**
 * Takes over what an action on ranks reported. Reports that a member's state does not allow are passed by,
 * and so are failed ones when `evenIfErrored` is false.
 */
export function decideReports(
  state: SystemState,
  reports: readonly RankReport[],
  evenIfErrored: boolean,
  now: string,
): Decision<undefined> {
  const changes: Change[] = [];
  for (const report of reports) {
    const member = state.members.get(report.rank);
    if (member === undefined || (report.errored && !evenIfErrored)) continue;
    if (!mayBecome(member.state, report.state)) continue;
    changes.push(
      ...putMemberChanges(state, { ...member, state: report.state, info: report.message, lastUpdate: now }),
    );
  }
  return { changes, answer: undefined };
}

/** Why a dead-rank event changed nothing, or the member it excluded. */
export type DeathVerdict =
  | { readonly kind: "excluded"; readonly member: Member }
  | { readonly kind: "unknownRank" }
  | { readonly kind: "refused"; readonly from: MemberStateName }
  | { readonly kind: "previousIncarnation"; readonly current: bigint };

/** The other engines have found a rank dead: it is excluded, unless it has come back since. */
export function decideRankDead(
  state: SystemState,
  rank: number,
  incarnation: bigint,
  now: string,
): Decision<DeathVerdict> {
  const member = state.members.get(rank);
  if (member === undefined) return { changes: [], answer: { kind: "unknownRank" } };
  if (!mayBecome(member.state, "Excluded")) {
    return { changes: [], answer: { kind: "refused", from: member.state } };
  }
  if (member.state === "Joined" && member.incarnation > incarnation) {
    return { changes: [], answer: { kind: "previousIncarnation", current: member.incarnation } };
  }
  const excluded: Member = { ...member, state: "Excluded", lastUpdate: now };
  return { changes: putMemberChanges(state, excluded), answer: { kind: "excluded", member: excluded } };
}

/** An engine process has ended by itself. Answers the state it had, or undefined when nothing changed. */
export function decideEngineDied(
  state: SystemState,
  rank: number,
  message: string,
  now: string,
): Decision<MemberStateName | undefined> {
  const member = state.members.get(rank);
  if (member === undefined || !mayBecome(member.state, "Errored")) return { changes: [], answer: undefined };
  const errored: Member = { ...member, state: "Errored", info: message, lastUpdate: now };
  return { changes: putMemberChanges(state, errored), answer: member.state };
}

/** An administrator excludes ranks, or lets them join again (they stay Excluded until they do). */
export function decideAdminExclude(
  state: SystemState,
  ranks: readonly number[],
  clear: boolean,
  now: string,
): Decision<readonly Member[]> {
  const members: Member[] = [];
  const changes: Change[] = [];
  for (const rank of ranks) {
    const member = state.members.get(rank);
    if (member === undefined) throw new Error(`unable to find member with rank ${rank}`);
    const next: Member = { ...member, state: clear ? "Excluded" : "AdminExcluded", lastUpdate: now };
    members.push(next);
    changes.push(...putMemberChanges(state, next));
  }
  return { changes, answer: members };
}
