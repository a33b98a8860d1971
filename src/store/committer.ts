import type { StoreOp } from "./store.ts";

export interface Committer {
  commit(ops: readonly StoreOp[]): Promise<void>;
  /** Resolves when nothing waits and nothing is being written. */
  idle(): Promise<void>;
}

interface Group {
  ops: StoreOp[];
  readonly done: Promise<void>;
}

/**
 * Joins the batches that wait into one transaction at a time, in order, as long as `fits` says that the joined
 * one is not too large.
 */
export function createCommitter(
  write: (ops: readonly StoreOp[]) => Promise<unknown>,
  fits: (ops: readonly StoreOp[]) => boolean = () => true,
): Committer {
  let open: Group | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const begin = (ops: readonly StoreOp[]): Group => {
    const run = async (): Promise<void> => {
      if (open === group) open = undefined;
      await write(group.ops);
    };
    const group: Group = { ops: [...ops], done: last.then(run, run) };
    open = group;
    last = group.done;
    return group;
  };

  return {
    commit(ops) {
      if (open === undefined) return begin(ops).done;
      const joined = [...open.ops, ...ops];
      if (!fits(joined)) return begin(ops).done;
      open.ops = joined;
      return open.done;
    },
    async idle() {
      try {
        await last;
      } catch {
        // Those who committed have been told.
      }
    },
  };
}
