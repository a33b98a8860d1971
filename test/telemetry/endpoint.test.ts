import { describe, expect, test } from "bun:test";
import { listMetrics } from "../../src/client/telemetry.ts";
import { MgmtMethod } from "../../src/drpc/methods.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { unattachedKeys } from "../../src/telemetry/leftovers.ts";
import { type ServerBench, serverBench } from "../daemon/server-bench.ts";
import { freePort } from "../support/site.ts";
import { waitFor } from "../support/wait.ts";

interface Measured extends AsyncDisposable {
  readonly bench: ServerBench;
  readonly port: number;
}

/** A server that measures, with one rank. */
async function measuring(port?: number): Promise<Measured> {
  const own = port ?? (await freePort());
  const bench = await serverBench({ lines: [`telemetry_port: ${own}`] });
  await bench.start({ autoFormat: true });
  await waitFor("the rank", async () => (await bench.states().catch(() => []))[0] === "joined");
  const [instance] = bench.servers[0]?.harness.instances ?? [];
  await instance?.waitFor((self) => self.isReady(), AbortSignal.timeout(5_000));
  return { bench, port: own, [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose]() };
}

/** Samples of a scrape by name and labels as written. */
async function scrape(port: number): Promise<Map<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

describe("a server that measures", () => {
  test("tells what its parts have done", async () => {
    await using measured = await measuring();
    const { bench, port } = measured;
    await bench.servers[0]?.harness.callDrpc(MgmtMethod.PING_RANK, new Uint8Array());
    const samples = await scrape(port);
    expect(samples.get("daos_server_leader")).toBe(1);
    expect(samples.get('daos_server_leadership_changes_total{change="gained"}')).toBe(1);
    expect(samples.get('daos_server_joins_total{outcome="ok"}')).toBe(1);
    expect(samples.get('daos_server_commits_total{outcome="ok"}')).toBeGreaterThan(1);
    expect(samples.get('daos_server_group_updates_total{outcome="failed"}')).toBe(0);
    expect(
      samples.get('daos_server_drpc_calls_total{direction="out",method="MGMT:PING_RANK",outcome="ok"}'),
    ).toBe(1);
    expect(
      samples.get('daos_server_drpc_calls_total{direction="in",method="SRV:NOTIFY_READY",outcome="ok"}'),
    ).toBe(1);
    expect(
      samples.get('daos_server_rpc_calls_total{method="/mgmt.MgmtSvc/SystemQuery",code="OK"}'),
    ).toBeGreaterThan(0);
    expect(samples.get('daos_server_engine_state{instance="0",rank="0",state="Ready"}')).toBe(1);
    expect(samples.get('daos_server_engine_state{instance="0",rank="0",state="Errored"}')).toBe(0);
    expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(1e6);
    expect(samples.has("daos_server_event_loop_worst_lag_seconds")).toBe(true);
  });

  test("counts calls that fail under the code that the caller saw", async () => {
    await using measured = await measuring();
    await measured.bench.call(MgmtSvc.method.systemQuery, { sys: "other" }).catch(() => undefined);
    const samples = await scrape(measured.port);
    expect(
      samples.get('daos_server_rpc_calls_total{method="/mgmt.MgmtSvc/SystemQuery",code="Internal"}'),
    ).toBeGreaterThan(0);
  });

  test("is read by dmg's own client", async () => {
    await using measured = await measuring();
    const families = await listMetrics({ host: "127.0.0.1", port: measured.port });
    expect(families.map((family) => family.name)).toContain("daos_server_rpc_duration_seconds");
  });

  test("answers a reader, and nobody who wants something else", async () => {
    await using measured = await measuring();
    const at = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${measured.port}${path}`, init);
    const [page, posted, metrics] = await Promise.all([
      at("/"),
      at("/metrics", { method: "POST", body: "x" }),
      at("/metrics"),
    ]);
    expect(await page.text()).toContain("DAOS Engine Telemetry");
    expect(posted.status).toBe(405);
    expect(metrics.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  });

  test("runs on with its rank when the port is taken, and says so", async () => {
    using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("other") });
    await using measured = await measuring(other.port);
    expect(await measured.bench.states()).toEqual(["joined"]);
    expect(measured.bench.log.some((line) => line.startsWith("ERROR telemetry: cannot listen on"))).toBe(
      true,
    );
  });

  test("lets the port go when it stops", async () => {
    const measured = await measuring();
    await measured[Symbol.asyncDispose]();
    using again = Bun.serve({ port: measured.port, hostname: "127.0.0.1", fetch: () => new Response("") });
    expect(again.port).toBe(measured.port);
  });
});

test("of shared memory only what nobody has mapped may be a leftover", () => {
  const table = `       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
 270803016          0   660                 24576  6172  6172      0     0     0     0     0 1795610541          0 1795610541                 24576                     0
 270803017          1   660                 24576  6172  6172      2     0     0     0     0 1795610541          0 1795610541                 24576                     0
-548863340          2   660                  4096  6172  6172      0     0     0     0     0 1795610541          0 1795610541                  4096                     0
`;
  expect(unattachedKeys(table)).toEqual([270803016, 0xdf490294]);
});
