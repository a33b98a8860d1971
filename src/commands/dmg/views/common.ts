import type { HostErrors } from "../../../client/host-results.ts";
import { foldHosts, hostWithoutPort } from "../../../client/hostset.ts";
import { formatRanks } from "../../../system/ranks.ts";
import { shortErrorText } from "../../../ui/errors.ts";
import type { Json } from "../../../ui/json.ts";
import { formatTable } from "../../../ui/table.ts";

/** An empty list as 2.6 writes it where nothing was ever put into it: null. */
export function listOrNull<T extends Json>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

/** Ranks for a table's cell: in brackets when they are more than one. */
export function bracketedRanks(ranks: Iterable<number>): string {
  const text = formatRanks(ranks);
  return /[-,]/.test(text) ? `[${text}]` : text;
}

/**
 * Hosts for people: folded, ports left out as long as that keeps them apart from each other, and from all
 * others that are shown beside them.
 */
export function printableHosts(
  hosts: readonly string[],
  shown: readonly { readonly hosts: readonly string[] }[] = [{ hosts }],
): string {
  const all = new Set(shown.flatMap((group) => group.hosts));
  const distinct = new Set([...all].map(hostWithoutPort)).size === all.size;
  return foldHosts(distinct ? hosts.map(hostWithoutPort) : hosts);
}

/** `host_errors`: error text to folded hosts, sorted by text. */
export function hostErrorsDocument(errors: HostErrors): Json {
  const entries = [...errors].map(([text, { hosts }]): [string, Json] => [text, foldHosts(hosts)]);
  return new Map(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** "Errors:" and a table of them, or "" when there are none. */
export function hostErrorsText(errors: HostErrors): string {
  if (errors.size === 0) return "";
  const rows = [...errors.values()]
    .map(({ error, hosts }) => ({ Hosts: printableHosts(hosts), Error: shortErrorText(error) }))
    .sort((left, right) => (left.Hosts + left.Error < right.Hosts + right.Error ? -1 : 1));
  return `Errors:\n${formatTable(["Hosts", "Error"], rows, { indent: 2 })}\n`;
}

/**
 * A number of 64 bits for a set of hosts with the same answer: the key of maps such as `HostStorage`.
 * 2.6 takes a hash of Go's; any number that stays the same for the same answer does (FNV-1a here).
 */
export function hashKey(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffff_ffff_ffff_ffffn;
  }
  return hash.toString();
}
