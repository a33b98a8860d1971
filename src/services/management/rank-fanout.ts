import type { DescMethodUnary } from "@bufbuild/protobuf";
import { errorText } from "../../faults/fault.ts";
import type { RanksReqSchema, RanksRespSchema } from "../../gen/ctl/ranks_pb.ts";
import { parseMemberState } from "../../system/member-state.ts";
import { decideReports, type RankReport, ranksByAddr } from "../../system/membership.ts";
import { formatRanks, sortRanks } from "../../system/ranks.ts";
import type { Core } from "./core.ts";

/** A method of ctl.CtlSvc that does something to ranks of one server. */
export type RanksMethod = DescMethodUnary<typeof RanksReqSchema, typeof RanksRespSchema>;

export interface RankFanout {
  readonly method: RanksMethod;
  readonly ranks: readonly number[];
  readonly force?: boolean;
  readonly checkMode?: boolean;
  /** Failed ranks change state too (Errored, Unresponsive). */
  readonly updateOnFail: boolean;
  /** Given up when the caller gives up. */
  readonly signal?: AbortSignal;
}

export interface RankOutcome extends RankReport {
  readonly addr: string;
}

/**
 * Has the servers of the ranks do something to them, all at once, and takes over what they report. A
 * server that does not answer leaves its ranks Unresponsive, with its error. Answers in order of rank.
 */
export async function fanOutRanks(core: Core, fanout: RankFanout): Promise<RankOutcome[]> {
  if (fanout.ranks.length === 0) return [];
  const state = core.leader({ whileChecking: true });
  const byAddr = ranksByAddr(state, fanout.ranks);
  const request = {
    ranks: formatRanks(fanout.ranks),
    force: fanout.force ?? false,
    checkMode: fanout.checkMode ?? false,
  };
  core.log.info(`${fanout.method.name}: ranks ${request.ranks} on ${byAddr.size} host(s)`);
  const answers = await core.deps.peers.hosts(fanout.method, [...byAddr.keys()], request, {
    signal: fanout.signal,
  });
  const outcomes = new Map<number, RankOutcome>();
  for (const answer of answers) {
    const hostRanks = byAddr.get(answer.host) ?? [];
    if (answer.value === undefined) {
      const message = errorText(answer.error);
      core.log.debug(`harness ${answer.host} (ranks ${formatRanks(hostRanks)}) host error: ${message}`);
      for (const rank of hostRanks) {
        outcomes.set(rank, { rank, addr: answer.host, state: "Unresponsive", errored: true, message });
      }
      continue;
    }
    for (const { rank, errored, msg, state: reached } of answer.value.results) {
      // A server may speak for its own ranks only.
      if (!hostRanks.includes(rank)) continue;
      outcomes.set(rank, {
        rank,
        addr: answer.host,
        state: parseMemberState(reached),
        errored,
        message: msg,
      });
    }
  }
  const reports = sortRanks(outcomes.keys()).flatMap((rank) => outcomes.get(rank) ?? []);
  if (reports.length !== fanout.ranks.length) {
    core.log.debug(`expected ${fanout.ranks.length} results, got ${reports.length}`);
  }
  await core.decide((now) => decideReports(now, reports, fanout.updateOnFail, core.timestamp()));
  return reports;
}

/** "failed rank 3" or "failed ranks 1-2,7", or undefined when none failed. */
export function failedRanksText(outcomes: readonly RankOutcome[]): string | undefined {
  const failed = outcomes.filter(({ errored }) => errored).map(({ rank }) => rank);
  if (failed.length === 0) return undefined;
  return `failed ${failed.length === 1 ? "rank" : "ranks"} ${formatRanks(failed)}`;
}
