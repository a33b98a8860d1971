/** Runs dmg's command lines in this process, against servers made by a test. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runProgram } from "../../src/cli/run.ts";

export interface DmgRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `dmg <argv>` prints and its status. */
export async function runDmgLine(argv: readonly string[]): Promise<DmgRun> {
  const { log, error } = console;
  const stdout: string[] = [];
  const stderr: string[] = [];
  console.log = (...words: unknown[]) => void stdout.push(words.join(" "));
  console.error = (...words: unknown[]) => void stderr.push(words.join(" "));
  try {
    const status = await runProgram("dmg", argv);
    return { status, stdout: stdout.join("\n"), stderr: stderr.join("\n") };
  } finally {
    console.log = log;
    console.error = error;
  }
}

export interface DmgBench {
  /** `dmg -o <config of these hosts> …` */
  run(...argv: string[]): Promise<DmgRun>;
  /** The same with --json, parsed; numbers beyond 2^53 become text. */
  json(...argv: string[]): Promise<{ document: unknown; text: string; status: number; stderr: string }>;
  readonly folder: string;
  remove(): void;
}

/** A control configuration for `hosts` in a folder of its own. */
export function dmgBench(hosts: readonly string[]): DmgBench {
  const folder = mkdtempSync(path.join(tmpdir(), "daosctl-dmg-"));
  const config = path.join(folder, "daos_control.yml");
  const list = hosts.map((host) => `"${host}"`).join(", ");
  writeFileSync(
    config,
    `name: daos_server\nport: 10001\nhostlist: [${list}]\ntransport_config:\n  allow_insecure: true\n`,
  );
  const run = (...argv: string[]) => runDmgLine(["-o", config, ...argv]);
  return {
    run,
    async json(...argv) {
      const { stdout, stderr, status } = await run("--json", ...argv);
      return { document: parseKeepingNumbers(stdout), text: stdout, status, stderr };
    },
    folder,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function parseKeepingNumbers(text: string): unknown {
  return JSON.parse(text.replace(/(?<=[:[\s])\d{16,}(?=[,\s\]}])/g, '"$&"'));
}
