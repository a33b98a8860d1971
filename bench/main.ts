/**
 * `npm run bench [-- name …]`: every benchmark, or those named, each printed as a ratio with its spread
 * against a baseline taken in the same run.
 */
import type { BenchRow } from "./report.ts";
import { printRows } from "./report.ts";

const BENCHES: Record<string, () => Promise<BenchRow[]>> = {
  startup: () => import("./startup.ts").then((bench) => bench.run()),
  restart: () => import("./restart.ts").then((bench) => bench.run()),
  drpc: () => import("./drpc.ts").then((bench) => bench.run()),
  rpc: () => import("./rpc.ts").then((bench) => bench.run()),
  stall: () => import("./stall.ts").then((bench) => bench.run()),
  agent: () => import("./agent.ts").then((bench) => bench.run()),
  dmg: () => import("./dmg.ts").then((bench) => bench.run()),
  pool: () => import("./pool.ts").then((bench) => bench.run()),
  failover: () => import("./failover.ts").then((bench) => bench.run()),
  scale: () => import("./scale.ts").then((bench) => bench.run()),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => BENCHES[name] === undefined);
if (unknown.length > 0) {
  console.error(`bench: unknown ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}`);
  process.exit(1);
}
const rows: BenchRow[] = [];
for (const name of wanted.length > 0 ? wanted : Object.keys(BENCHES)) rows.push(...(await BENCHES[name]!()));
printRows(rows);
