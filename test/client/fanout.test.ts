import { describe, expect, test } from "bun:test";
import { fanOut, fanOutTimeoutMs, maxFanOut } from "../../src/client/fanout.ts";

const hosts = Array.from({ length: 200 }, (_, index) => `h${index}`);

describe("a fan-out", () => {
  test("asks no more hosts at once than its bound, and all of them in the end", async () => {
    let running = 0;
    let most = 0;
    const results = await fanOut(hosts, async (host) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return host.toUpperCase();
    });
    expect(most).toBe(maxFanOut);
    expect(results.map((result) => result.value)).toEqual(hosts.map((host) => host.toUpperCase()));
  });

  test("keeps answers of other hosts when some fail", async () => {
    const results = await fanOut(["a", "b", "c"], async (host) => {
      if (host === "b") throw new Error("no");
      return host;
    });
    expect(results.map((result) => result.error !== undefined)).toEqual([false, true, false]);
  });

  test("tells of each result as it comes", async () => {
    const seen: string[] = [];
    await fanOut(["a", "b"], async (host) => host, { onResult: ({ host }) => void seen.push(host) });
    expect(seen.sort()).toEqual(["a", "b"]);
  });

  test("of no host is over at once", async () => {
    expect(await fanOut([], async () => 1)).toEqual([]);
  });

  test("gets more time the more hosts it has", () => {
    expect(fanOutTimeoutMs(1000, 1)).toBe(1000);
    expect(fanOutTimeoutMs(1000, 64)).toBe(1000);
    expect(fanOutTimeoutMs(1000, 65)).toBe(1100);
    expect(fanOutTimeoutMs(1000, 1024)).toBe(2500);
  });
});
