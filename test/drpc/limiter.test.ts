import { describe, expect, test } from "bun:test";
import { createLimiter } from "../../src/drpc/limiter.ts";

describe("a limiter", () => {
  test("starts jobs in the order they came, so many at once and no more", () => {
    const limiter = createLimiter(2);
    const started: number[] = [];
    for (let job = 0; job < 5; job++) limiter.enter(() => void started.push(job));
    expect(started).toEqual([0, 1]);
    limiter.release();
    expect(started).toEqual([0, 1, 2]);
    limiter.release();
    limiter.release();
    expect(started).toEqual([0, 1, 2, 3, 4]);
  });

  test("lets a hundred thousand jobs that end at once wait for one", () => {
    const limiter = createLimiter(1);
    let done = 0;
    limiter.enter(() => {});
    for (let job = 0; job < 100_000; job++) {
      limiter.enter(() => {
        done++;
        limiter.release();
      });
    }
    limiter.release();
    expect(done).toBe(100_000);
    limiter.enter(() => done++);
    expect(done).toBe(100_001);
  });
});
