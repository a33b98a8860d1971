import type { Store, StoreChange } from "../../store/store.ts";
import { applyRecords, createDraft } from "../../system/draft.ts";
import { stateFromRecords } from "../../system/records.ts";
import { emptyState } from "../../system/state.ts";
import type { Decision, SystemState } from "../../system/types.ts";

/** Decisions put into one commit at most; bounds what one failing write can fail with it. */
const maxBatch = 1024;

/**
 * The one way the system changes: a decision looks at the state as it will be when its turn comes, names
 * its changes, they are committed to the store, then applied, then answered. Decisions that wait while a
 * commit is on its way go together into the next.
 */
export interface Journal {
  /** Everything in it is durable. */
  state(): SystemState;
  /**
   * @throws what `decide` throws (nothing changes then), or what the store's commit throws (nothing of the
   *   batch is applied).
   */
  decide<T>(decide: (state: SystemState) => Decision<T>): Promise<T>;
  /** It takes decisions: this replica leads and its state is that of the store. */
  isOpen(): boolean;
  /** Takes decisions from now on. Nothing happens when its state is not known to be right (see follow). */
  open(): void;
  /**
   * Takes no decisions until it is opened: leadership is gone, so nothing may be decided upon what it
   * knows. Those that wait are refused; a commit on its way is the store's to fence.
   */
  close(reason: Error): void;
  /**
   * Takes over what another replica has committed. When that cannot be read, the journal stays closed until
   * a reset that can.
   * @throws Error what cannot be read.
   */
  follow(change: StoreChange): void;
}

interface Waiting {
  readonly decide: (state: SystemState) => Decision<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export function createJournal(initial: SystemState, store: Pick<Store, "commit" | "barrier">): Journal {
  let state = initial;
  let running = false;
  let closed: Error | undefined;
  /** What could not be followed. */
  let lost: Error | undefined;
  /** Rises with every change that was not decided here. */
  let followed = 0;
  const queue: Waiting[] = [];

  async function run(): Promise<void> {
    running = true;
    while (queue.length > 0) await runBatch(queue.splice(0, maxBatch));
    running = false;
  }

  async function runBatch(batch: readonly Waiting[]): Promise<void> {
    const draft = createDraft(state);
    const base = followed;
    const agreed: { waiting: Waiting; answer: unknown }[] = [];
    for (const waiting of batch) {
      try {
        const { changes, answer } = waiting.decide(draft.state);
        draft.apply(changes);
        agreed.push({ waiting, answer });
      } catch (error) {
        waiting.reject(error);
      }
    }
    const ops = draft.ops();
    try {
      // An answer that changes nothing is a decision too, and must not come from an old state.
      if (ops.length > 0) await store.commit(ops);
      else if (agreed.length > 0) await store.barrier();
    } catch (error) {
      for (const { waiting } of agreed) waiting.reject(error);
      return;
    }
    // Leadership may have come and gone meanwhile: then the copy follows the store, this batch included.
    if (base === followed) state = draft.state;
    for (const { waiting, answer } of agreed) waiting.resolve(answer);
  }

  return {
    state: () => state,
    decide<T>(decide: (state: SystemState) => Decision<T>): Promise<T> {
      if (closed !== undefined) return Promise.reject(closed);
      return new Promise<T>((resolve, reject) => {
        queue.push({ decide, resolve: resolve as (answer: unknown) => void, reject });
        // After this turn of the loop, so that calls that arrived together are decided together.
        if (!running) {
          running = true;
          queueMicrotask(() => void run());
        }
      });
    },
    isOpen: () => closed === undefined,
    open() {
      closed = lost;
    },
    close(reason) {
      closed = reason;
      for (const waiting of queue.splice(0)) waiting.reject(reason);
    },
    follow(change) {
      followed++;
      try {
        if (change.kind === "reset") state = stateFromRecords(change.records, emptyState());
        else state = applyRecords(state, change.ops);
        if (change.kind === "reset") lost = undefined;
      } catch (error) {
        lost = error instanceof Error ? error : new Error(String(error));
        throw lost;
      }
    },
  };
}
