/** What clients did and what came of it; times are those of one monotonic clock, milliseconds. */
export type Op =
  | { readonly kind: "write"; readonly key: string; readonly value: string }
  | { readonly kind: "read"; readonly key: string; readonly value?: string }
  | { readonly kind: "join"; readonly uuid: string; readonly rank?: number }
  | { readonly kind: "create"; readonly label: string; readonly uuid?: string }
  | { readonly kind: "destroy"; readonly label: string };

/** "ok": it was answered; "failed": it certainly did nothing; "unknown": it may have been done, or may yet be. */
export type Outcome = "ok" | "failed" | "unknown";

export interface Call {
  readonly client: number;
  readonly op: Op;
  readonly startMs: number;
  /** Infinity for one whose end is not known. */
  readonly endMs: number;
  readonly outcome: Outcome;
  readonly error?: string;
}

/** What the system says when all is quiet again. */
export interface FinalState {
  readonly members: readonly { readonly rank: number; readonly uuid: string }[];
  readonly pools: readonly { readonly uuid: string; readonly label: string }[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** A commit as etcd's history has it. */
export interface CommitRecord {
  readonly revision: bigint;
  /** Name of the commit: "<term>-<number>". */
  readonly name: string;
  /** Revision of the leader key when it was made: the term that was then. */
  readonly leaderTerm: bigint;
}
