import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createSharedMemory, findSharedMemory, type OwnSharedMemory } from "../../src/ffi/shared-memory.ts";
import { pruneTelemetry, readTelemetry } from "../../src/helper/ops/telemetry.ts";
import { createFamilies, familiesText } from "../../src/telemetry/families.ts";
import { type ManagementPeer, type RunningAgent, startAgent, startManagement } from "./bench.ts";

const recorded = path.resolve(import.meta.dirname, "../reference/telemetry-2.6/segment-10242048.gz");
const content = Bun.gunzipSync(fs.readFileSync(recorded));
const uid = process.getuid?.() ?? 0;
const made: OwnSharedMemory[] = [];
let lastKey = 0x5e00_0000 + (process.pid << 4);

/** Memory as a client makes it, with what a 2.6 process has measured. */
function segment(bytes: Uint8Array = content): number {
  const key = ++lastKey;
  const memory = createSharedMemory(key, bytes.length);
  memory.bytes.set(bytes);
  made.push(memory);
  return key;
}
function clear(): void {
  for (const memory of made.splice(0)) memory.close();
}

describe("the metrics of a client", () => {
  test("are read from its memory and named as 2.6 names them", () => {
    const [answer] = readTelemetry([{ key: segment(), uid }]);
    const fetch = answer!.metrics!.find(({ name }) => name === "io_latency_fetch");
    expect(fetch).toMatchObject({
      labels: { size: "256B", target: "0" },
      value: 60,
      stats: { samples: 3, min: 10, max: 60 },
    });
    clear();
  });

  test("are none of another user's", () => {
    const key = segment();
    expect(readTelemetry([{ key, uid: uid + 1 }])).toEqual([{ key, found: false }]);
    expect(pruneTelemetry([{ key, uid: uid + 1 }], 0)).toEqual([{ key, found: false }]);
    expect(findSharedMemory(key)).toBeDefined();
    clear();
  });

  test("that make no sense spoil no others", () => {
    const requests = [segment(new Uint8Array(4096)), segment(), 0x7fff_fff1].map((key) => ({ key, uid }));
    const [nonsense, good, gone] = readTelemetry(requests);
    expect(nonsense).toMatchObject({ found: true, error: "no metrics in it" });
    expect(good!.metrics!.length).toBeGreaterThan(3);
    expect(gone!.found).toBe(false);
    clear();
  });

  test("stay as long as their process lives", () => {
    const key = segment();
    expect(pruneTelemetry([{ key, uid }], -1)[0]!.found).toBe(true);
    expect(findSharedMemory(key)).toBeDefined();
    clear();
  });
});

test("metrics are written as Prometheus reads them", () => {
  const families = createFamilies();
  const family = { name: "b_total", help: 'a "b"\nc', type: "counter" } as const;
  families.add(family, { labels: { z: 'q"\\', a: "1" }, value: 3 });
  families.add({ name: "a", help: "first", type: "gauge" }, { labels: {}, value: Number.NaN });
  expect(familiesText(families.all())).toBe(
    '# HELP a first\n# TYPE a gauge\na NaN\n# HELP b_total a "b"\\nc\n# TYPE b_total counter\nb_total{a="1",z="q\\"\\\\"} 3\n',
  );
});

describe("an agent with telemetry", () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "agent-tm-"));
  let management: ManagementPeer;
  let agent: RunningAgent;
  let port: number;

  beforeAll(async () => {
    management = await startManagement();
    const free = Bun.serve({ port: 0, fetch: () => new Response() });
    port = free.port!;
    await free.stop(true);
    const yaml =
      "fabric_ifaces: [{numa_node: 0, devices: [{iface: lo, domain: lo}]}]\n" +
      `telemetry_port: ${port}\ntelemetry_enabled: true\ntelemetry_retain: 5m\n`;
    agent = await startAgent({ folder: root, port: management.port, yaml });
  });
  afterAll(async () => {
    clear();
    agent.signal("SIGKILL");
    await agent.exited;
    await management.close();
    fs.rmSync(root, { recursive: true, force: true });
  });
  const scrape = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();

  test("tells clients to measure, and to leave their metrics behind", async () => {
    const { clientNetHint } = await agent.getAttachInfo();
    expect(clientNetHint?.envVars).toEqual(["K=V", "D_CLIENT_METRICS_ENABLE=1", "D_CLIENT_METRICS_RETAIN=1"]);
  });

  test("exports its own metrics and those of clients", async () => {
    expect((await agent.setupTelemetry("job7", segment())).status).toBe(0);
    const text = await scrape();
    expect(text).toContain(
      `client_io_latency_fetch{job="job7",pid="${process.pid}",size="256B",target="0"} 60\n`,
    );
    expect(text).toContain(`client_io_latency_fetch_samples{job="job7",pid="${process.pid}"`);
    expect(text).toMatch(/agent_calls_total\{method="MGMT:GET_ATTACH_INFO"\} [1-9]/);
    expect(text).toContain("agent_system_ranks 2\n");
  });

  test("forgets clients whose memory is gone", async () => {
    clear();
    await scrape();
    expect(await scrape()).not.toContain("client_io_latency_fetch{");
  });

  test.each([
    ["", 1],
    ["job", 0],
    ["x".repeat(256), 1],
  ])("refuses an offer of a job and key that make no sense (%#)", async (jobid, key) => {
    await expect(agent.setupTelemetry(jobid, key)).rejects.toThrow();
  });
});
