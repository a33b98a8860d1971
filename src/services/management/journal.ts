import type { Store } from "../../store/store.ts";
import { createDraft } from "../../system/draft.ts";
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
}

interface Waiting {
  readonly decide: (state: SystemState) => Decision<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export function createJournal(initial: SystemState, store: Pick<Store, "commit">): Journal {
  let state = initial;
  let running = false;
  const queue: Waiting[] = [];

  async function run(): Promise<void> {
    running = true;
    while (queue.length > 0) await runBatch(queue.splice(0, maxBatch));
    running = false;
  }

  async function runBatch(batch: readonly Waiting[]): Promise<void> {
    const draft = createDraft(state);
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
      if (ops.length > 0) await store.commit(ops);
    } catch (error) {
      for (const { waiting } of agreed) waiting.reject(error);
      return;
    }
    state = draft.state;
    for (const { waiting, answer } of agreed) waiting.resolve(answer);
  }

  return {
    state: () => state,
    decide<T>(decide: (state: SystemState) => Decision<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        queue.push({ decide, resolve: resolve as (answer: unknown) => void, reject });
        // After this turn of the loop, so that calls that arrived together are decided together.
        if (!running) {
          running = true;
          queueMicrotask(() => void run());
        }
      });
    },
  };
}
