import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { silentLogger } from "../../src/log/logger.ts";
import { createProcessMonitor } from "../../src/services/agent/process-monitor.ts";
import { waitFor } from "../support/wait.ts";

function monitorOf(intervalMs = 20) {
  const evicted: [string, readonly string[]][] = [];
  let failing = false;
  const monitor = createProcessMonitor({
    async evict(pool, handles) {
      if (failing) throw new Error("no server");
      evicted.push([pool, handles]);
    },
    log: silentLogger,
    intervalMs,
    retryMs: 20,
  });
  return { monitor, evicted, fail: (on = true) => (failing = on) };
}

const sleeper = () => Bun.spawn(["/bin/sleep", "60"]);

describe("the process monitor", () => {
  test("holds exactly the handles that were opened and not closed", async () => {
    const pools = fc.constantFrom("pool-a", "pool-b");
    const handles = fc.constantFrom("handle-1", "handle-2", "handle-3");
    const steps = fc.array(fc.tuple(fc.boolean(), pools, handles), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const { monitor, evicted } = monitorOf();
        const open = new Set<string>();
        for (const [connect, pool, handle] of list) {
          if (connect) await monitor.poolConnected(process.pid, pool, handle);
          else monitor.poolDisconnected(process.pid, pool, handle);
          if (connect) open.add(`${pool} ${handle}`);
          else open.delete(`${pool} ${handle}`);
        }
        await monitor.exited(process.pid);
        monitor.stop();
        const left = evicted.flatMap(([pool, list]) => list.map((handle) => `${pool} ${handle}`));
        expect(left.sort()).toEqual([...open].sort());
      }),
      { numRuns: 100 },
    );
  });

  test("evicts what a killed process has left, once", async () => {
    const { monitor, evicted } = monitorOf();
    const child = sleeper();
    await monitor.poolConnected(child.pid, "pool", "handle");
    child.kill("SIGKILL");
    await child.exited;
    await waitFor("the eviction", () => evicted.length > 0, 3000);
    await monitor.exited(child.pid);
    expect(evicted).toEqual([["pool", ["handle"]]]);
    monitor.stop();
  });

  test("tries again to evict what it could not, until the servers are back", async () => {
    const { monitor, evicted, fail } = monitorOf();
    const child = sleeper();
    monitor.poolConnected(child.pid, "pool", "handle");
    fail();
    child.kill("SIGKILL");
    await child.exited;
    await waitFor("the first try", () => monitor.unfinished() === 1, 3000);
    expect(monitor.holders()).toEqual([]);
    fail(false);
    await waitFor("the eviction", () => evicted.length > 0, 3000);
    expect([evicted, monitor.unfinished()]).toEqual([[["pool", ["handle"]]], 0]);
    monitor.stop();
  });

  test("does not pretend to watch a process of another pid namespace", () => {
    const { monitor } = monitorOf();
    monitor.poolConnected(0, "pool", "handle");
    expect(monitor.holders()).toEqual([]);
    monitor.stop();
  });

  test("leaves a process alone that lives", async () => {
    const { monitor, evicted } = monitorOf(5);
    const [lives, dies] = [sleeper(), sleeper()];
    await monitor.poolConnected(lives.pid, "pool", "of the living");
    await monitor.poolConnected(dies.pid, "pool", "of the dead");
    dies.kill("SIGKILL");
    await dies.exited;
    await waitFor("the eviction", () => evicted.length > 0, 3000);
    expect(evicted).toEqual([["pool", ["of the dead"]]]);
    monitor.stop();
    lives.kill();
  });

  test("gathers the handles of all processes when flushed", async () => {
    const { monitor, evicted } = monitorOf(60_000);
    const children = [sleeper(), sleeper()];
    for (const [n, child] of children.entries())
      await monitor.poolConnected(child.pid, "pool", `handle-${n}`);
    await monitor.flush();
    await monitor.flush();
    expect(evicted).toEqual([["pool", ["handle-0", "handle-1"]]]);
    monitor.stop();
    for (const child of children) child.kill();
  });

  test("does not fail when an eviction does", async () => {
    const { monitor, fail } = monitorOf(60_000);
    fail();
    await monitor.poolConnected(process.pid, "pool", "handle");
    await monitor.exited(process.pid);
    await monitor.poolConnected(process.pid, "pool", "handle");
    await monitor.flush(true);
    monitor.stop();
  });

  test("does not take up a process that is gone already", async () => {
    const { monitor, evicted } = monitorOf();
    await monitor.poolConnected(2 ** 22 + 1, "pool", "handle");
    await monitor.flush();
    expect(evicted).toEqual([]);
    monitor.stop();
  });
});
