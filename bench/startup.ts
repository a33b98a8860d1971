/**
 * Start-up: `--version` and `--help` of the executable against an empty program compiled with the same
 * flags, interleaved in one run. The ratio of medians is what counts.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { buildEmpty } from "./empty-program.ts";
import type { BenchRow } from "./report.ts";
import { ratioRow } from "./report.ts";

const ROUNDS = 40;

function once(argv: readonly string[]): number {
  const started = performance.now();
  const done = spawnSync(argv[0]!, argv.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  const tookMs = performance.now() - started;
  if (done.status !== 0) throw new Error(`${argv.join(" ")} failed: ${done.stderr.toString()}`);
  return tookMs;
}

export async function run(): Promise<BenchRow[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-bench-"));
  try {
    const empty = buildEmpty(folder);
    const executable = path.resolve(import.meta.dirname, "..", "dist", "daosctl");
    const contenders = [["--version"], ["--help"]];
    const times = new Map<string, number[]>([["empty", []]]);
    for (const args of contenders) times.set(args.join(" "), []);
    for (let round = 0; round < ROUNDS; round++) {
      times.get("empty")!.push(once([empty]));
      for (const args of contenders) times.get(args.join(" "))!.push(once([executable, ...args]));
    }
    return contenders.map((args) =>
      ratioRow(
        `start-up: daosctl ${args.join(" ")} / empty program`,
        times.get(args.join(" "))!,
        times.get("empty")!,
      ),
    );
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
