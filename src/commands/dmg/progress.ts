import { isatty } from "node:tty";
import type { FanOutOptions } from "../../client/fanout.ts";
import type { RankSelection } from "../../client/system.ts";
import { inStates, parseMemberState } from "../../system/member-state.ts";
import { startClock, startProgress } from "../../ui/progress.ts";
import type { Session } from "./session.ts";

/** A progress line for a call to many hosts; shows nothing with --json. */
export function hostProgress(session: Session, title: string, hostCount: number): FanOutOptions<unknown> {
  if (session.json) return {};
  const progress = startProgress(title, hostCount, "host");
  let left = hostCount;
  return {
    onResult({ host }) {
      progress.step(host);
      if (--left === 0) progress.end();
    },
  };
}

/** A line that says how long `act` has taken so far. */
export async function timed<T>(session: Session, title: string, act: () => Promise<T>): Promise<T> {
  if (session.json) return await act();
  const clock = startClock(title);
  try {
    return await act();
  } finally {
    clock.end();
  }
}

/** How often the members are looked at, and how long that may take. */
const lookMs = 1000;

/** The same for an operation on ranks, with how many of them have come to one of `states`. */
export async function timedRanks<T>(
  session: Session,
  title: string,
  ranks: RankSelection & { readonly states: number },
  act: () => Promise<T>,
): Promise<T> {
  if (session.json || !isatty(2)) return await act();
  const clock = startClock(title);
  const timer = setInterval(() => {
    // What cannot be seen is not shown; the operation itself tells what is wrong.
    progressOfRanks(session, ranks).then(clock.detail, () => undefined);
  }, lookMs);
  try {
    return await act();
  } finally {
    clearInterval(timer);
    clock.end();
  }
}

async function progressOfRanks(
  session: Session,
  { states, ...selection }: RankSelection & { readonly states: number },
): Promise<string> {
  const { systemQuery } = await import("../../client/system.ts");
  const client = { ...(await session.client()), timeoutMs: lookMs };
  const { members } = await systemQuery(client, { ...selection, failOnUnavailable: true });
  const there = members.filter(({ state }) => inStates(parseMemberState(state), states));
  return `${there.length} of ${members.length} rank${members.length === 1 ? "" : "s"}`;
}
