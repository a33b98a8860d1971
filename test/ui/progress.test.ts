import { expect, test } from "bun:test";
import { startClock, startProgress } from "../../src/ui/progress.ts";

/** Everything written, and a wait for the next write. */
function fakeTerminal() {
  const written: string[] = [];
  let wake = () => {};
  return {
    written,
    write: (text: string) => {
      written.push(text);
      wake();
    },
    next: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      }),
  };
}

test("hosts that are done are counted on one line, which is taken away at the end", async () => {
  const { written, write, next } = fakeTerminal();
  const progress = startProgress("formatting", 3, "host", write);
  progress.step("node07");
  await next();
  expect(written).toEqual(["\r\u001b[Kformatting: 1 of 3 hosts (node07)"]);
  progress.end();
  expect(written.at(-1)).toBe("\r\u001b[K");
  progress.end();
  expect(written).toHaveLength(2);
});

test("what is over at once writes nothing", () => {
  const { written, write } = fakeTerminal();
  startProgress("formatting", 1, "host", write).end();
  startClock("stopping", write).end();
  expect(written).toEqual([]);
});

test("a clock tells how long and how far", async () => {
  const { written, write, next } = fakeTerminal();
  const clock = startClock("stopping", write, 1);
  await next();
  expect(written[0]).toBe("\r\u001b[Kstopping (0 s)");
  clock.detail("3 of 8 ranks");
  await next();
  clock.end();
  expect(written.some((text) => text.startsWith("\r\u001b[Kstopping: 3 of 8 ranks ("))).toBe(true);
});
