/** Lets at most `max` jobs run at once; the others wait in the order they came. */
export interface Limiter {
  /** Calls `job` now, or when it is its turn. The job must call `release` exactly once when it is over. */
  enter(job: () => void): void;
  release(): void;
}

export function createLimiter(max: number): Limiter {
  let running = 0;
  let starting = false;
  const queue: (() => void)[] = [];

  /** A loop, not a call from each job's end to the next one's start: thousands may wait. */
  function startWaiting(): void {
    if (starting) return;
    starting = true;
    try {
      while (running < max) {
        const job = queue.shift();
        if (job === undefined) break;
        running++;
        job();
      }
    } finally {
      starting = false;
    }
  }

  return {
    enter(job) {
      if (running < max && queue.length === 0) {
        running++;
        job();
      } else {
        queue.push(job);
      }
    },
    release() {
      running--;
      startWaiting();
    },
  };
}
