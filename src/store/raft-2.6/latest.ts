import type { LegacyDatabase, LogPosition } from "./database.ts";
import { faultDifferentSystems, faultNoMajority } from "./faults.ts";

/** Positive when `a` is later than `b`: what raft itself compares before it votes. */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  return Number(a.term - b.term) || Number(a.index - b.index);
}

/** How many replicas the system had that vote. */
export function voterCount({ servers }: Pick<LegacyDatabase, "servers">): number {
  return Math.max(1, servers.filter(({ voter }) => voter).length);
}

/**
 * Of databases of one system, the one that knows everything that was acknowledged. Every acknowledged change had
 * reached a majority, so the latest among a majority has it; among fewer it may lack some.
 * @param alone take what there is, though a majority was not looked at
 * @throws Fault 600: they are not of one system, or too few
 */
export function latestDatabase(databases: readonly LegacyDatabase[], alone: boolean): LegacyDatabase {
  const [latest] = databases.toSorted((a, b) => comparePositions(b.last, a.last));
  if (latest === undefined) throw new RangeError("no database was named");
  for (const other of databases) {
    if (!sameSystem(latest, other)) throw faultDifferentSystems(latest.dir, other.dir);
  }
  const voters = voterCount(latest);
  if (!alone && databases.length <= voters / 2) throw faultNoMajority(databases.length, voters);
  return latest;
}

/** A rank keeps its UUID for life. Replicas that know no rank in common cannot be told apart. */
function sameSystem({ state: a }: LegacyDatabase, { state: b }: LegacyDatabase): boolean {
  for (const [rank, { uuid }] of a.members) {
    const other = b.members.get(rank);
    if (other !== undefined) return other.uuid === uuid;
  }
  return true;
}
