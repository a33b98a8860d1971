import type { LeaderAnswer } from "../../../client/leader-query.ts";
import type { CleanupResult, MemberResults, SystemQueryAnswer } from "../../../client/system.ts";
import { plural } from "../../../client/words.ts";
import type { SystemMember } from "../../../gen/mgmt/system_pb.ts";
import type { RankResult } from "../../../gen/shared/ranks_pb.ts";
import { parseMemberState } from "../../../system/member-state.ts";
import { formatRanks } from "../../../system/ranks.ts";
import type { Json } from "../../../ui/json.ts";
import { formatTable, type Row } from "../../../ui/table.ts";
import { bracketedRanks, listOrNull } from "./common.ts";

export function systemQueryDocument(answer: SystemQueryAnswer): Json {
  return { members: listOrNull(answer.members.map(memberDocument)), providers: listOrNull(answer.providers) };
}

function memberDocument(member: SystemMember): Json {
  return {
    addr: member.addr,
    state: parseMemberState(member.state).toLowerCase(),
    fault_domain: member.faultDomain,
    rank: member.rank,
    incarnation: member.incarnation,
    uuid: member.uuid,
    fabric_uri: member.fabricUri,
    secondary_fabric_uris: listOrNull(member.secondaryFabricUris),
    fabric_contexts: member.fabricContexts,
    // Not on the wire: the answer of a system query never carries it.
    secondary_fabric_contexts: null,
    info: member.info,
    last_update: member.lastUpdate || "0001-01-01T00:00:00Z",
  };
}

export function systemQueryText(
  answer: SystemQueryAnswer,
  options: { readonly verbose: boolean },
): { text: string; warnings: string } {
  const missing = absentHostsText(answer.absentHosts);
  if (answer.members.length === 0) {
    return {
      text: "Query matches no ranks in system",
      warnings: missing + absentRanksText(answer.absentRanks),
    };
  }
  if (options.verbose) {
    return { text: memberTable(answer.members), warnings: missing + absentRanksText(answer.absentRanks) };
  }
  return { text: stateTable(answer), warnings: missing };
}

function memberTable(members: readonly SystemMember[]): string {
  const rows = [...members]
    .sort((left, right) => left.rank - right.rank)
    .map((member) => ({
      Rank: `${member.rank}`,
      UUID: member.uuid,
      "Control Address": member.addr,
      "Fault Domain": member.faultDomain,
      State: parseMemberState(member.state),
      Reason: member.info,
    }));
  return formatTable(["Rank", "UUID", "Control Address", "Fault Domain", "State", "Reason"], rows);
}

/** One row a state, the ranks in it folded, in the order of the lowest rank. */
function stateTable(answer: SystemQueryAnswer): string {
  const ranksByState = new Map<string, number[]>();
  for (const member of answer.members) {
    const state = parseMemberState(member.state);
    ranksByState.set(state, [...(ranksByState.get(state) ?? []), member.rank]);
  }
  if (answer.absentRanks.length > 0) ranksByState.set("Unknown Rank", [...answer.absentRanks]);
  return rankGroupTable(
    ["State"],
    [...ranksByState].map(([state, ranks]) => ({ ranks, cells: [state] })),
  );
}

function rankGroupTable(
  titles: readonly string[],
  groups: readonly { readonly ranks: readonly number[]; readonly cells: readonly string[] }[],
): string {
  const rows = [...groups]
    .sort((left, right) => Math.min(...left.ranks) - Math.min(...right.ranks))
    .map(({ ranks, cells }): Row => {
      const row: Record<string, string> = { Rank: bracketedRanks(ranks) };
      titles.forEach((title, column) => {
        row[title] = cells[column]!;
      });
      return row;
    });
  return formatTable(["Rank", ...titles], rows);
}

function absentHostsText(hosts: string): string {
  return hosts === "" ? "" : `Unknown ${plural(hosts.split(",").length, "host")}: ${hosts}\n`;
}

function absentRanksText(ranks: readonly number[]): string {
  return ranks.length === 0 ? "" : `Unknown ${plural(ranks.length, "rank")}: ${formatRanks(ranks)}\n`;
}

export function memberResultsDocument(answer: MemberResults): Json {
  return { Results: listOrNull(answer.results.map(rankResultDocument)) };
}

export function rankResultDocument(result: RankResult): Json {
  return {
    state: parseMemberState(result.state).toLowerCase(),
    Addr: result.addr,
    Rank: result.rank,
    Action: result.action,
    Errored: result.errored,
    Msg: result.msg,
  };
}

/** One row for each operation and its result, the ranks folded. */
export function memberResultsText(answer: MemberResults): { text: string; warnings: string } {
  const missing = absentHostsText(answer.absentHosts);
  if (answer.results.length === 0) {
    return { text: "No results returned", warnings: missing + absentRanksText(answer.absentRanks) };
  }
  const groups = new Map<string, { ranks: number[]; cells: string[] }>();
  for (const { rank, action, errored, msg } of answer.results) {
    const cells = [action, errored ? msg : "OK"];
    const group = groups.get(cells.join("\t"));
    if (group) group.ranks.push(rank);
    else groups.set(cells.join("\t"), { ranks: [rank], cells });
  }
  if (answer.absentRanks.length > 0) {
    groups.set("absent", { ranks: [...answer.absentRanks], cells: ["----", "Unknown Rank"] });
  }
  return { text: rankGroupTable(["Operation", "Result"], [...groups.values()]), warnings: missing };
}

export function leaderDocument(answer: LeaderAnswer): Json {
  return {
    current_leader: answer.leader,
    replicas: listOrNull(answer.replicas),
    down_replicas: listOrNull(answer.downReplicas),
  };
}

export function leaderText(answer: LeaderAnswer, downOnly: boolean): string {
  const down = answer.downReplicas.join(", ");
  if (downOnly) return `Unresponsive Replicas: ${down}`;
  return [
    `Current Leader: ${answer.leader}`,
    `   Replica Set: ${answer.replicas.join(", ")}`,
    `  Unresponsive Replicas: ${down}`,
  ].join("\n");
}

export function cleanupDocument(results: readonly CleanupResult[]): Json {
  return {
    results: listOrNull(
      results.map(({ status, msg, poolId, count }) => ({ status, msg, pool_id: poolId, count })),
    ),
  };
}

export function cleanupText(results: readonly CleanupResult[], verbose: boolean): string {
  if (results.length === 0) return "No handles cleaned up";
  if (!verbose) return "System Cleanup Success";
  const rows = results.map(({ poolId, count }) => ({ Pool: poolId, "Handles Revoked": `${count}` }));
  return formatTable(["Pool", "Handles Revoked"], rows);
}
