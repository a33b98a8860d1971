/** Lets at most `max` jobs run at once; the others wait in the order they came. */
export interface Limiter {
  /** Calls `job` now, or when it is its turn. The job must call `release` exactly once when it is over. */
  enter(job: () => void): void;
  release(): void;
  readonly running: number;
  readonly waiting: number;
}

export function createLimiter(max: number): Limiter {
  let running = 0;
  const queue: (() => void)[] = [];
  return {
    enter(job) {
      if (running >= max) {
        queue.push(job);
        return;
      }
      running++;
      job();
    },
    release() {
      const next = queue.shift();
      if (next === undefined) running--;
      else next();
    },
    get running() {
      return running;
    },
    get waiting() {
      return queue.length;
    },
  };
}
