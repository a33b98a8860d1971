/**
 * Pool queries through a real leader to an engine that does nothing, each a process of its own: gRPC, the
 * chain of checks, dRPC there and back. Against LeaderQuery in the same run, which is the same without an
 * engine. 2.6.0 answers 248 pool queries a second one at a time.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { callUnary, closeConnections } from "../src/client/transport.ts";
import { MgmtSvc } from "../src/gen/mgmt/mgmt_pb.ts";
import { insecureTransport } from "../src/security/tls.ts";
import { joinRank, startManagement, systemName } from "./management.ts";
import { type BenchRow, median } from "./report.ts";

const ROUNDS = 9;
const CALLS = 3000;

async function callsPerSecond(inFlight: number, call: () => Promise<unknown>): Promise<number> {
  let left = CALLS;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (left-- > 0) await call();
    }),
  );
  return (CALLS * 1000) / (performance.now() - start);
}

async function startEngine(socket: string) {
  const script = path.join(import.meta.dirname, "engine-process.ts");
  const engine = Bun.spawn([process.execPath, "run", script, socket], { stdout: "pipe", stderr: "inherit" });
  await engine.stdout.getReader().read();
  return engine;
}

export async function run(): Promise<BenchRow[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-pool-"));
  const engineSocket = path.join(folder, "engine.sock");
  const engine = await startEngine(engineSocket);
  const leader = await startManagement({ engineSocket });
  const options = { security: insecureTransport, component: "admin", timeoutMs: 30_000 } as const;
  const rows: BenchRow[] = [];
  try {
    await joinRank(leader, 0, leader.addr, insecureTransport);
    const pool = {
      sys: systemName,
      uuid: "00000000-0000-4000-8000-000000000001",
      properties: [{ number: 1, value: { case: "strval", value: "tank" } as const }],
      tierbytes: [1n << 32n, 1n << 34n],
    };
    await callUnary(MgmtSvc.method.poolCreate, leader.addr, pool, options);
    const query = { sys: systemName, id: "tank" };
    const calls = {
      query: () => callUnary(MgmtSvc.method.poolQuery, leader.addr, query, options),
      base: () => callUnary(MgmtSvc.method.leaderQuery, leader.addr, { sys: systemName }, options),
    };
    for (const inFlight of [1, 16]) {
      const rates: Record<keyof typeof calls, number[]> = { query: [], base: [] };
      // The first round warms up and does not count.
      for (let round = 0; round <= ROUNDS; round++) {
        for (const name of ["query", "base"] as const) {
          const rate = await callsPerSecond(inFlight, calls[name]);
          if (round > 0) rates[name].push(rate);
        }
      }
      const base = median(rates.base);
      const ratios = rates.query.map((rate) => rate / base);
      const what = inFlight === 1 ? "one at a time (2.6.0: 248 calls/s)" : `${inFlight} in flight`;
      rows.push({
        name: `pool query, ${what}, over LeaderQuery`,
        ratio: median(rates.query) / base,
        spread: [Math.min(...ratios), Math.max(...ratios)],
        unit: "of",
        note: `${median(rates.query).toFixed(0)} calls/s against ${base.toFixed(0)}, ${ROUNDS} rounds`,
      });
    }
    return rows;
  } finally {
    closeConnections();
    await leader.stop();
    engine.kill();
    await engine.exited;
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
