/**
 * `dmg system query` as a whole process, asking a server of this run, against an empty compiled program; and
 * against DAOS's own dmg when STOCK_DMG names one. Wall time and CPU time each: some builds of the Go program
 * sleep at their start, which is no work.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { insecureTransport } from "../src/security/tls.ts";
import { buildEmpty } from "./empty-program.ts";
import { joinRank, startManagement } from "./management.ts";
import { type BenchRow, ratioRow } from "./report.ts";

const ROUNDS = 40;

interface Times {
  readonly wallMs: number[];
  readonly cpuMs: number[];
}

function once(argv: readonly string[], times: Times, keep: boolean): void {
  const started = performance.now();
  const done = Bun.spawnSync([...argv], { stdout: "pipe", stderr: "pipe" });
  const wallMs = performance.now() - started;
  if (done.exitCode !== 0) throw new Error(`${argv.join(" ")} failed: ${done.stderr.toString()}`);
  if (!keep) return;
  times.wallMs.push(wallMs);
  times.cpuMs.push(Number(done.resourceUsage.cpuTime.total) / 1000);
}

export async function run(): Promise<BenchRow[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-bench-"));
  const server = await startManagement();
  for (let number = 0; number < 4; number++)
    await joinRank(server, number, "127.0.0.1:10001", insecureTransport);
  try {
    const config = path.join(folder, "daos_control.yml");
    fs.writeFileSync(
      config,
      `name: daos_server\nport: ${server.port}\nhostlist: ['127.0.0.1:${server.port}']\n` +
        "transport_config:\n  allow_insecure: true\n",
    );
    const executable = process.env["DAOSCTL"] ?? path.resolve(import.meta.dirname, "..", "dist", "daosctl");
    const dmg = path.join(folder, "dmg");
    fs.symlinkSync(executable, dmg);
    const query = ["-o", config, "system", "query"];
    const stock = process.env["STOCK_DMG"];
    const contenders = new Map<string, readonly string[]>([
      ["dmg", [dmg, ...query]],
      ["empty program", [buildEmpty(folder)]],
      ...(stock === undefined ? [] : [["dmg of 2.6.0", [stock, ...query]] as const]),
    ]);
    const times = new Map([...contenders.keys()].map((name) => [name, { wallMs: [], cpuMs: [] } as Times]));
    for (let round = -1; round < ROUNDS; round++) {
      for (const [name, argv] of contenders) once(argv, times.get(name)!, round >= 0);
    }
    const ours = times.get("dmg")!;
    return [...times]
      .slice(1)
      .flatMap(([name, theirs]) => [
        ratioRow(`dmg system query / ${name}, wall (2.6.0: 18 ms)`, ours.wallMs, theirs.wallMs),
        ratioRow(`dmg system query / ${name}, CPU`, ours.cpuMs, theirs.cpuMs),
      ]);
  } finally {
    server.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
