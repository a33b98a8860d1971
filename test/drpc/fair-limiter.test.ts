import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CALLS_A_TURN, createFairLimiter } from "../../src/drpc/fair-limiter.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Jobs that are over at once, noted by name when they start. */
function jobsOf(max = 1000) {
  const limiter = createFairLimiter(max);
  const started: string[] = [];
  const enter = (uid: number, pid: number, name = `${uid}/${pid}`) => {
    const own = limiter.of(uid, pid);
    own.enter(() => {
      started.push(name);
      own.release();
    });
  };
  return { enter, started };
}

describe("the fair limiter", () => {
  test("starts a call at once when there is nobody else", () => {
    const { enter, started } = jobsOf();
    enter(1, 1);
    expect(started).toEqual(["1/1"]);
  });

  test("gives a process its share of a turn, and another process of the same user its own", () => {
    const { enter, started } = jobsOf();
    for (let n = 0; n < 100; n++) enter(1, 1);
    expect(started.length).toBe(CALLS_A_TURN.process);
    enter(1, 2);
    expect(started.at(-1)).toBe("1/2");
  });

  test("gives a user with many processes no more than a user's share", () => {
    const { enter, started } = jobsOf();
    for (let pid = 1; pid <= 50; pid++) for (let n = 0; n < 10; n++) enter(1, pid);
    expect(started.length).toBe(CALLS_A_TURN.user);
    enter(2, 99);
    expect(started.at(-1)).toBe("2/99");
  });

  test("starts everything in the end, each process's calls in their order", async () => {
    const call = fc.record({ uid: fc.integer({ min: 0, max: 3 }), pid: fc.integer({ min: 0, max: 4 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { maxLength: 400 }),
        fc.integer({ min: 1, max: 50 }),
        async (calls, max) => {
          const { enter, started } = jobsOf(max);
          const wanted = calls.map(({ uid, pid }, index) => ({ uid, pid, name: `${uid}/${pid} ${index}` }));
          for (const { uid, pid, name } of wanted) enter(uid, pid, name);
          for (let n = 0; n < 100 && started.length < calls.length; n++) await turn();
          expect([...started].sort()).toEqual(wanted.map(({ name }) => name).sort());
          for (const key of new Set(wanted.map(({ uid, pid }) => `${uid}/${pid} `))) {
            const indices = started
              .filter((name) => name.startsWith(key))
              .map((name) => Number(name.split(" ")[1]));
            expect(indices).toEqual(indices.toSorted((a, b) => a - b));
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test("runs no more than its number at once", async () => {
    const limiter = createFairLimiter(3);
    let running = 0;
    let most = 0;
    let done = 0;
    for (let n = 0; n < 40; n++) {
      const own = limiter.of(n % 5, n);
      own.enter(() => {
        most = Math.max(most, ++running);
        setImmediate(() => {
          running--;
          done++;
          own.release();
        });
      });
    }
    for (let n = 0; n < 200 && done < 40; n++) await turn();
    expect([done, most]).toEqual([40, 3]);
  });
});
