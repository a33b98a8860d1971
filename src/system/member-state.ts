import { MemberState, type MemberStateName } from "./types.ts";

/** Members in one of these are left out of the group map. */
export const excludedStates = MemberState.AwaitFormat | MemberState.Excluded | MemberState.AdminExcluded;
/** Members in one of these can take a new pool and serve pool calls. */
export const availableStates = MemberState.Ready | MemberState.Joined;
/** Every state. */
export const allStates = 0xffff;

/** True when the state is one of the mask's. */
export function inStates(state: MemberStateName, mask: number): boolean {
  return (MemberState[state] & mask) !== 0;
}

const byLowerCase = new Map<string, MemberStateName>(
  (Object.keys(MemberState) as MemberStateName[]).map((name) => [name.toLowerCase(), name]),
);

/** Reads a state as the wire and the documents write it ("adminexcluded"); unknown words are Unknown. */
export function parseMemberState(text: string): MemberStateName {
  return byLowerCase.get(text.toLowerCase()) ?? "Unknown";
}

/** As the wire and the documents write it. */
export function memberStateText(state: MemberStateName): string {
  return state.toLowerCase();
}

/** What a member in the key's state may not become by a report of what happened to it. */
const refused: Partial<Record<MemberStateName, readonly MemberStateName[]>> = {
  AwaitFormat: ["Excluded"],
  Starting: ["Excluded"],
  Ready: ["Excluded"],
  Joined: ["Ready"],
  Errored: ["Ready", "Joined", "Stopping"],
  Unresponsive: ["Ready", "Joined", "Stopping"],
  CheckerStarted: ["Ready", "Joined"],
};

/**
 * Whether a report (a stop, a death, a start) may move a member from one state to another. A join and an
 * administrator's word are not reports: they follow their own rules.
 */
export function mayBecome(from: MemberStateName, to: MemberStateName): boolean {
  if (from === "Unknown" || from === "AdminExcluded" || from === to) return false;
  return refused[from]?.includes(to) !== true;
}
