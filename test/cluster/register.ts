import type { Call } from "./history.ts";

/** A way the calls so far may have taken effect: the value, and which of the open ones have. */
interface Way {
  readonly value: string | undefined;
  readonly done: ReadonlySet<number>;
}

/** Ways looked at before it is given up; far more than histories of a few clients have. */
const maxWays = 200_000;

/**
 * Whether reads and writes of one register could have taken effect one at a time, each between its start and its
 * end (Wing and Gong's check, event by event). Calls whose outcome is not known may take effect at any time after
 * their start, or never. The value before all of them is undefined. Says what cannot be explained.
 */
export function registerProblem(calls: readonly Call[]): string | undefined {
  const used = calls.filter(({ op, outcome }) => {
    if (outcome === "failed") return false;
    return op.kind === "write" || (op.kind === "read" && outcome === "ok");
  });
  const events = used
    .flatMap((call, id) => [
      { atMs: call.startMs, id, end: false },
      ...(call.outcome === "ok" ? [{ atMs: call.endMs, id, end: true }] : []),
    ])
    // What starts and ends at the same time overlaps.
    .sort((a, b) => a.atMs - b.atMs || Number(a.end) - Number(b.end));
  const open = new Set<number>();
  let ways = new Map<string, Way>([["", { value: undefined, done: new Set() }]]);

  /**
   * With every open read done that finds its value: nothing is lost by letting it take effect at once, and the ways
   * that differ only in when it does become one.
   */
  const withReads = (value: string | undefined, done: ReadonlySet<number>): Way => {
    const all = new Set(done);
    for (const id of open) {
      const { op } = used[id]!;
      if (op.kind === "read" && op.value === value) all.add(id);
    }
    return { value, done: all };
  };
  const effect = (way: Way, id: number): Way | undefined => {
    const { op } = used[id]!;
    return op.kind === "write" ? withReads(op.value, new Set([...way.done, id])) : undefined;
  };
  const keyOf = ({ value, done }: Way): string => `${value}|${[...done].sort((a, b) => a - b).join(",")}`;

  for (const { id, end } of events) {
    if (!end) {
      open.add(id);
      const { op } = used[id]!;
      if (op.kind === "read") {
        ways = new Map(
          [...ways.values()].map((way) => withReads(way.value, way.done)).map((way) => [keyOf(way), way]),
        );
      }
      continue;
    }
    // Every order of open calls after which this one has taken effect.
    const after = new Map<string, Way>();
    const seen = new Set<string>();
    const stack = [...ways.values()];
    while (stack.length > 0) {
      const way = stack.pop()!;
      const key = keyOf(way);
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > maxWays) return `too many calls at once to decide (${open.size} open)`;
      if (way.done.has(id)) {
        const rest = new Set(way.done);
        rest.delete(id);
        const next = { value: way.value, done: rest };
        after.set(keyOf(next), next);
        continue;
      }
      for (const other of open) {
        if (way.done.has(other)) continue;
        const next = effect(way, other);
        if (next !== undefined) stack.push(next);
      }
    }
    open.delete(id);
    if (after.size === 0) {
      const { op, client, startMs, endMs } = used[id]!;
      const values = [...new Set([...ways.values()].map(({ value }) => value ?? "none"))].join(" or ");
      return `${JSON.stringify(op)} of client ${client} from ${startMs.toFixed(0)} to ${endMs.toFixed(0)} ms cannot be explained (value ${values})`;
    }
    ways = after;
  }
  return undefined;
}
