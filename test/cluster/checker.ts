import type { Call, CommitRecord, FinalState } from "./history.ts";
import { registerProblem } from "./register.ts";

/** What is wrong with a history; none when all is well. */
export function checkHistory(
  calls: readonly Call[],
  final: FinalState,
  commits: readonly CommitRecord[],
): string[] {
  return [
    ...attributeProblems(calls, final),
    ...joinProblems(calls, final),
    ...poolProblems(calls, final),
    ...commitProblems(commits),
  ];
}

/** Each attribute is a register: reads and writes, the final state as a last read, must be linearizable. */
function attributeProblems(calls: readonly Call[], final: FinalState): string[] {
  const keys = new Set(
    calls.flatMap(({ op }) => (op.kind === "write" || op.kind === "read" ? [op.key] : [])),
  );
  return [...keys].flatMap((key) => {
    const of = calls.filter(({ op }) => (op.kind === "write" || op.kind === "read") && op.key === key);
    const end = Math.max(
      ...of.map(({ startMs, endMs }) => (endMs === Number.POSITIVE_INFINITY ? startMs : endMs)),
    );
    const last: Call = {
      client: -1,
      op: {
        kind: "read",
        key,
        ...(final.attributes[key] === undefined ? {} : { value: final.attributes[key] }),
      },
      startMs: end + 1,
      endMs: end + 2,
      outcome: "ok",
    };
    const problem = registerProblem([...of, last]);
    return problem === undefined ? [] : [`attribute ${key}: ${problem}`];
  });
}

function joinProblems(calls: readonly Call[], final: FinalState): string[] {
  const problems: string[] = [];
  const ranks = new Map<number, string>();
  const uuids = new Map<string, number>();
  for (const { op, outcome } of calls) {
    if (op.kind !== "join" || outcome !== "ok" || op.rank === undefined) continue;
    const other = ranks.get(op.rank);
    if (other !== undefined && other !== op.uuid)
      problems.push(`rank ${op.rank} was given to ${other} and to ${op.uuid}`);
    const before = uuids.get(op.uuid);
    if (before !== undefined && before !== op.rank)
      problems.push(`${op.uuid} was given rank ${before} and rank ${op.rank}`);
    ranks.set(op.rank, op.uuid);
    uuids.set(op.uuid, op.rank);
  }
  const there = new Map(final.members.map(({ rank, uuid }) => [rank, uuid]));
  for (const [rank, uuid] of ranks) {
    if (there.get(rank) !== uuid)
      problems.push(`rank ${rank} of ${uuid} was acknowledged and is ${there.get(rank) ?? "gone"}`);
  }
  return [
    ...problems,
    ...doubles(
      "member",
      final.members.map(({ uuid }) => uuid),
    ),
  ];
}

function poolProblems(calls: readonly Call[], final: FinalState): string[] {
  const problems: string[] = [];
  const labels = new Set(final.pools.map(({ label }) => label));
  const of = (label: string, kind: "create" | "destroy") =>
    calls.filter(({ op, outcome }) => op.kind === kind && op.label === label && outcome !== "failed");
  for (const { op, outcome } of calls) {
    if (
      op.kind === "create" &&
      outcome === "ok" &&
      of(op.label, "destroy").length === 0 &&
      !labels.has(op.label)
    ) {
      problems.push(`pool ${op.label} was made and is gone`);
    }
    // Each label is made once and destroyed once by one client, in this order.
    if (op.kind === "destroy" && outcome === "ok" && labels.has(op.label)) {
      problems.push(`pool ${op.label} was destroyed and is there`);
    }
  }
  return [
    ...problems,
    ...doubles(
      "pool label",
      final.pools.map(({ label }) => label),
    ),
    ...doubles(
      "pool",
      final.pools.map(({ uuid }) => uuid),
    ),
  ];
}

/** Commits of one leader only in each term, terms in order, and none of a leader that had been succeeded. */
function commitProblems(commits: readonly CommitRecord[]): string[] {
  const problems: string[] = [];
  let last = 0n;
  for (const { revision, name, leaderTerm } of commits) {
    const term = BigInt(name.split("-")[0] ?? "0");
    if (term !== leaderTerm)
      problems.push(`commit ${name} at revision ${revision} was made while term ${leaderTerm} was current`);
    if (term < last) problems.push(`commit ${name} at revision ${revision} comes after one of term ${last}`);
    if (term > last) last = term;
  }
  return problems.concat(
    doubles(
      "commit",
      commits.map(({ name }) => name),
    ),
  );
}

function doubles(what: string, values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.flatMap((value) => {
    const twice = seen.has(value);
    seen.add(value);
    return twice ? [`${what} ${value} is there twice`] : [];
  });
}
