/** What can be asked of a whole system: its members, stopping and starting it. */
import { wrapError } from "../faults/cause.ts";
import { NotLeaderError, NotReplicaError, UnavailableError } from "../faults/system.ts";
import {
  SystemCleanupReqSchema,
  SystemCleanupRespSchema,
  SystemEraseReqSchema,
  SystemEraseRespSchema,
  SystemExcludeReqSchema,
  SystemExcludeRespSchema,
  type SystemMember,
  SystemQueryReqSchema,
  SystemQueryRespSchema,
  SystemStartReqSchema,
  SystemStartRespSchema,
  SystemStopReqSchema,
  SystemStopRespSchema,
} from "../gen/mgmt/system_pb.ts";
import type { RankResult } from "../gen/shared/ranks_pb.ts";
import { availableStates, inStates, parseMemberState } from "../system/member-state.ts";
import { formatRanks, parseRanks } from "../system/ranks.ts";
import { isNotReady, isRetryableConnectionError, isUnavailable } from "./connection-errors.ts";
import type { DmgClient } from "./context.ts";
import { foldHosts } from "./hostset.ts";
import { invokeLeader } from "./invoker.ts";
import { unary } from "./unary.ts";
import { plural, pluralWord } from "./words.ts";

const rpc = {
  query: unary("mgmt.MgmtSvc", "SystemQuery", SystemQueryReqSchema, SystemQueryRespSchema),
  stop: unary("mgmt.MgmtSvc", "SystemStop", SystemStopReqSchema, SystemStopRespSchema),
  start: unary("mgmt.MgmtSvc", "SystemStart", SystemStartReqSchema, SystemStartRespSchema),
  exclude: unary("mgmt.MgmtSvc", "SystemExclude", SystemExcludeReqSchema, SystemExcludeRespSchema),
  erase: unary("mgmt.MgmtSvc", "SystemErase", SystemEraseReqSchema, SystemEraseRespSchema),
  cleanup: unary("mgmt.MgmtSvc", "SystemCleanup", SystemCleanupReqSchema, SystemCleanupRespSchema),
};

/** Matches members of every state (2.6: AllMemberFilter). */
export const allMemberStates = 0xffff;
/** Which members a verb is about; none named: all. */
export interface RankSelection {
  readonly ranks?: readonly number[];
  /** Hosts by name or "host:port". */
  readonly hosts?: readonly string[];
}

function selection({ ranks = [], hosts = [] }: RankSelection): { ranks: string; hosts: string } {
  return { ranks: formatRanks(ranks), hosts: foldHosts(hosts) };
}

/** Ranks and hosts that were named and are no part of the system. */
export interface Absentees {
  readonly absentRanks: readonly number[];
  readonly absentHosts: string;
}

function absentees(answer: { absentranks: string; absenthosts: string }): Absentees {
  return { absentRanks: parseRanks(answer.absentranks), absentHosts: answer.absenthosts };
}

/** "non-existent hosts a, non-existent ranks 7", or undefined when all exist. */
export function absenteesError({ absentRanks, absentHosts }: Absentees): Error | undefined {
  const parts: string[] = [];
  if (absentHosts !== "") parts.push(`non-existent hosts ${absentHosts}`);
  if (absentRanks.length > 0) parts.push(`non-existent ranks ${formatRanks(absentRanks)}`);
  return parts.length === 0 ? undefined : new Error(parts.join(", "));
}

export interface SystemQueryOptions extends RankSelection {
  /** Bits of MemberState; default: all. */
  readonly stateMask?: number;
  /** Do not wait for a management service that is not up: fail with UnavailableError. */
  readonly failOnUnavailable?: boolean;
  /** Ask these instead of the configuration's hosts. */
  readonly askHosts?: readonly string[];
}

export interface SystemQueryAnswer extends Absentees {
  readonly members: readonly SystemMember[];
  readonly providers: readonly string[];
}

export async function systemQuery(
  client: DmgClient,
  options: SystemQueryOptions = {},
): Promise<SystemQueryAnswer> {
  const request = {
    sys: client.sys,
    ...selection(options),
    stateMask: options.stateMask ?? allMemberStates,
  };
  const isDown = (error: unknown) =>
    isUnavailable(error) ||
    isRetryableConnectionError(error) ||
    error instanceof NotLeaderError ||
    error instanceof NotReplicaError;
  try {
    const answer = await invokeLeader(rpc.query, options.askHosts ?? client.hosts, request, client, {
      failFast: options.failOnUnavailable ? isDown : undefined,
      exactHosts: options.askHosts !== undefined,
    });
    return { members: answer.members, providers: answer.providers, ...absentees(answer) };
  } catch (error) {
    if (options.failOnUnavailable && isDown(error)) throw new UnavailableError();
    throw error;
  }
}

/** Per-rank results of a verb on members. */
export interface MemberResults extends Absentees {
  readonly results: readonly RankResult[];
}

/** "non-existent …, check results for failed ranks 1-2", or undefined when all went well. */
export function memberResultsError(answer: MemberResults): Error | undefined {
  const parts: string[] = [];
  const absent = absenteesError(answer);
  if (absent) parts.push(absent.message);
  const failed = failedRanksError(answer.results);
  if (failed) parts.push(`check results for ${failed.message}`);
  return parts.length === 0 ? undefined : new Error(parts.join(", "));
}

export function failedRanksError(results: readonly RankResult[]): Error | undefined {
  const ranks = results.filter((result) => result.errored).map((result) => result.rank);
  if (ranks.length === 0) return undefined;
  return new Error(`failed ${pluralWord(new Set(ranks).size, "rank")} ${formatRanks(ranks)}`);
}

export async function systemStop(
  client: DmgClient,
  options: RankSelection & { readonly force?: boolean },
): Promise<MemberResults> {
  const request = { sys: client.sys, ...selection(options), force: options.force ?? false };
  const answer = await invokeLeader(rpc.stop, client.hosts, request, client);
  return { results: answer.results, ...absentees(answer) };
}

export async function systemStart(
  client: DmgClient,
  options: RankSelection & { readonly checkMode?: boolean },
): Promise<MemberResults> {
  const request = { sys: client.sys, ...selection(options), checkMode: options.checkMode ?? false };
  const answer = await invokeLeader(rpc.start, client.hosts, request, client);
  return { results: answer.results, ...absentees(answer) };
}

/** Marks ranks as excluded by the administrator, or takes that mark away (`clear`). */
export async function systemExclude(
  client: DmgClient,
  options: RankSelection & { readonly clear: boolean },
): Promise<MemberResults> {
  const request = { sys: client.sys, ...selection(options), clear: options.clear };
  const answer = await invokeLeader(rpc.exclude, client.hosts, request, client);
  return { results: answer.results, absentRanks: [], absentHosts: "" };
}

/** Ranks that must be stopped before an erase. Empty when the management service does not run at all. */
export async function ranksInTheWayOfErase(client: DmgClient): Promise<number[]> {
  let members: readonly SystemMember[];
  try {
    members = (await systemQuery(client, { failOnUnavailable: true })).members;
  } catch (error) {
    if (error instanceof NotReplicaError || isUnavailable(error)) return [];
    throw wrapError("System-Query command failed", error);
  }
  return members
    .filter((member) => inStates(parseMemberState(member.state), availableStates))
    .map((member) => member.rank);
}

/**
 * Wipes the system's metadata on every server before a new format.
 * @throws Error naming the ranks that still run.
 */
export async function systemErase(client: DmgClient): Promise<readonly RankResult[]> {
  const running = await ranksInTheWayOfErase(client);
  if (running.length > 0) {
    throw new Error(
      `system erase requires the following ${plural(running.length, "rank")} to be stopped: ${formatRanks(running)}`,
    );
  }
  const answer = await invokeLeader(rpc.erase, client.hosts, { sys: client.sys }, client, {
    failFast: isNotReady,
  });
  return answer.results;
}

/** Pool handles taken from a machine that is gone. */
export interface CleanupResult {
  readonly status: number;
  readonly msg: string;
  readonly poolId: string;
  readonly count: number;
}

export async function systemCleanup(client: DmgClient, machine: string): Promise<readonly CleanupResult[]> {
  if (machine === "") throw new Error("SystemCleanup requires a machine name.");
  const answer = await invokeLeader(rpc.cleanup, client.hosts, { sys: client.sys, machine }, client);
  return answer.results;
}
