import { foldHosts, parseHostSet, withPort } from "../../client/hostset.ts";
import { ranksByAddr, splitRanks } from "../../system/membership.ts";
import { formatRanks, parseRanks, sortRanks } from "../../system/ranks.ts";
import type { SystemState } from "../../system/types.ts";
import { joinHostPort, resolveHost, splitHostPort } from "./address.ts";

/** Control port of hosts that are named without one (2.6: DefaultControlPort). */
const defaultControlPort = 10001;

/** Whom a request is about. */
export interface Selection {
  /** Members, in order. */
  readonly ranks: readonly number[];
  /** Every member was meant: nothing was named. */
  readonly everyone: boolean;
  /** What was named and is no member, as rank set and host set. */
  readonly absentRanks: string;
  readonly absentHosts: string;
}

/**
 * Finds the members a request names by ranks or by hosts; all of them when it names neither.
 * @throws Error when it names both, or a set that cannot be read.
 */
export async function selectRanks(
  state: SystemState,
  request: { readonly ranks: string; readonly hosts: string },
  resolve: (host: string) => Promise<readonly string[]> = resolveHost,
): Promise<Selection> {
  if (request.hosts !== "" && request.ranks !== "") {
    throw new Error("ranklist and hostlist cannot both be set in request");
  }
  if (request.hosts !== "") return selectHosts(state, request.hosts, resolve);
  if (request.ranks === "") {
    return { ranks: sortRanks(state.members.keys()), everyone: true, absentRanks: "", absentHosts: "" };
  }
  const { known, absent } = splitRanks(state, parseRanks(request.ranks));
  return { ranks: known, everyone: false, absentRanks: formatRanks(absent), absentHosts: "" };
}

async function selectHosts(
  state: SystemState,
  hosts: string,
  resolve: (host: string) => Promise<readonly string[]>,
): Promise<Selection> {
  const byAddr = ranksByAddr(state);
  const ranks = new Set<number>();
  const absent: string[] = [];
  const ranksOf = async (named: string): Promise<readonly number[] | undefined> => {
    const { host, port } = splitHostPort(withPort(named, defaultControlPort));
    // A name that does not resolve is as absent as one nobody knows.
    const ips = await resolve(host).catch(() => []);
    return ips.map((ip) => byAddr.get(joinHostPort(ip, port))).find((found) => found !== undefined);
  };
  await Promise.all(
    parseHostSet(hosts).map(async (named) => {
      const found = await ranksOf(named);
      if (found === undefined) absent.push(named);
      else for (const rank of found) ranks.add(rank);
    }),
  );
  return { ranks: sortRanks(ranks), everyone: false, absentRanks: "", absentHosts: foldHosts(absent) };
}
