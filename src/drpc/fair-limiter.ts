import type { Limiter } from "./limiter.ts";

/** Calls that one user, and one process of it, may start in a turn of the event loop. */
export const CALLS_A_TURN = { user: 64, process: 16 } as const;

/** Gives every user its turn, and within a user every process, however many calls one of them sends. */
export interface FairLimiter {
  /** For one connection of that process. */
  of(uid: number, pid: number): Limiter;
}

interface Process {
  readonly pid: number;
  readonly jobs: (() => void)[];
  started: number;
}

interface User {
  /** Those with jobs that wait, in the order of their turns. */
  readonly waiting: Process[];
  readonly processes: Map<number, Process>;
  started: number;
}

/**
 * At most `max` calls run at once. A user that sends more than its share in a turn waits for the next turn, which
 * comes when the sockets of others have been looked at: a flood costs those who send none a part of a turn, some
 * milliseconds, and its sender all the rest.
 */
export function createFairLimiter(max: number): FairLimiter {
  const users = new Map<number, User>();
  let running = 0;
  let turnAhead = false;
  let starting = false;

  function processOf(uid: number, pid: number): { user: User; process: Process } {
    let user = users.get(uid);
    if (user === undefined) {
      user = { waiting: [], processes: new Map(), started: 0 };
      users.set(uid, user);
    }
    let process = user.processes.get(pid);
    if (process === undefined) {
      process = { pid, jobs: [], started: 0 };
      user.processes.set(pid, process);
    }
    return { user, process };
  }

  /** Shares are counted by turns; the first call of a turn has the next one begun. */
  function askForTurn(): void {
    if (turnAhead) return;
    turnAhead = true;
    setImmediate(() => {
      turnAhead = false;
      for (const [uid, user] of users) {
        user.started = 0;
        for (const [pid, process] of user.processes) {
          process.started = 0;
          if (process.jobs.length === 0) user.processes.delete(pid);
        }
        if (user.processes.size === 0) users.delete(uid);
      }
      startWaiting();
    });
  }

  const mayStart = (user: User, process: Process) =>
    running < max && user.started < CALLS_A_TURN.user && process.started < CALLS_A_TURN.process;

  function start(user: User, process: Process, job: () => void): void {
    running++;
    user.started++;
    process.started++;
    askForTurn();
    job();
  }

  /** A loop, not a call from each job's end to the next one's start: thousands may wait. */
  function startWaiting(): void {
    if (starting) return;
    starting = true;
    try {
      for (let any = true; any && running < max; ) {
        any = false;
        for (const user of users.values()) {
          const process = user.waiting.find((candidate) => mayStart(user, candidate));
          if (process === undefined) continue;
          any = true;
          const job = process.jobs.shift()!;
          user.waiting.splice(user.waiting.indexOf(process), 1);
          if (process.jobs.length > 0) user.waiting.push(process);
          start(user, process, job);
        }
      }
    } finally {
      starting = false;
    }
    if (running < max && [...users.values()].some((user) => user.waiting.length > 0)) askForTurn();
  }

  return {
    of: (uid, pid) => ({
      enter(job) {
        const { user, process } = processOf(uid, pid);
        if (process.jobs.length === 0 && mayStart(user, process)) {
          start(user, process, job);
          return;
        }
        process.jobs.push(job);
        if (process.jobs.length === 1) user.waiting.push(process);
        askForTurn();
      },
      release() {
        running--;
        // Only where the number of running calls held somebody up; shares are given out by turns.
        if (running === max - 1) startWaiting();
      },
    }),
  };
}
