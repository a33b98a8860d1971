/** The rank that stands for "none yet" on the wire (2.6: NilRank). */
export const nilRank = 0xffffffff;
/** The largest rank a system may give away. */
export const maxRank = nilRank - 1;
/** More than any system has; keeps a typo such as "0-4000000000" from filling the memory. */
const maxRanksInSet = 1 << 20;

/**
 * Reads a rank set such as "0-3,7" or "[0-3,7]". Answers the ranks sorted, each once; "" is the empty set.
 * @throws Error naming the part that is no rank.
 */
export function parseRanks(text: string): number[] {
  const inner = text.replace(/^\[/, "").replace(/\]$/, "");
  if (inner === "") return [];
  const complain = (why: string): never => {
    throw new Error(`creating rank set from '${text}': ${why}`);
  };
  if (/\s/.test(inner)) complain("unexpected whitespace character(s)");
  if (/\p{L}/u.test(inner)) complain("unexpected alphabetic character(s)");
  const ranks = new Set<number>();
  for (const part of inner.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) return complain(`"${part}" is not a rank or a range of ranks`);
    const low = Number(match[1]);
    const high = match[2] === undefined ? low : Number(match[2]);
    if (low > maxRank || high > maxRank) complain(`rank ${Math.max(low, high)} out of range [0, ${maxRank}]`);
    if (high < low) complain(`"${part}" ends before it begins`);
    if (ranks.size + (high - low) >= maxRanksInSet) complain(`more than ${maxRanksInSet} ranks`);
    for (let rank = low; rank <= high; rank++) ranks.add(rank);
  }
  return sortRanks(ranks);
}

/** Writes ranks as 2.6 does: "0-3,7"; the order and repetitions of the input do not matter. */
export function formatRanks(ranks: Iterable<number>): string {
  const parts: string[] = [];
  const sorted = sortRanks(new Set(ranks));
  for (let first = 0; first < sorted.length; ) {
    let last = first;
    while (sorted[last + 1] === sorted[last]! + 1) last++;
    parts.push(last === first ? `${sorted[first]}` : `${sorted[first]}-${sorted[last]}`);
    first = last + 1;
  }
  return parts.join(",");
}

export function sortRanks(ranks: Iterable<number>): number[] {
  return [...ranks].sort((a, b) => a - b);
}
