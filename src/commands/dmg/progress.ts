import type { FanOutOptions } from "../../client/fanout.ts";
import { startProgress } from "../../ui/progress.ts";
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
