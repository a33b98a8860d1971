/**
 * The whole check of a checkout, as `npm test` runs it after installing: format, lint, types, generated
 * code, build, then every test, on the sources and on the executable. Ends with "N passed, N failed".
 * Arguments are handed to `bun test` (a path, `-t name`); checks before it run all the same.
 */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const root = path.dirname(import.meta.dirname);
const bin = (name: string) => path.join(root, "node_modules", ".bin", name);
const executable = path.join(root, "dist", "daosctl");
process.chdir(root);

/** What tests use that comes from Debian: a file or program that shows it is there, and its package. */
const DEBIAN: readonly (readonly [probe: string, packageName: string])[] = [
  ["ip", "iproute2"],
  ["openssl", "openssl"],
  ["gcc", "gcc"],
  ["mkfs.ext4", "e2fsprogs"],
  ["/usr/include/stdlib.h", "libc6-dev"],
  ["/usr/include/rdma/fabric.h", "libfabric-dev"],
  ["/usr/include/nvm_management.h", "libipmctl-dev"],
];

let passed = 0;
let failed = 0;

function check(name: string, command: string, args: readonly string[]): boolean {
  const started = performance.now();
  const done = spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 << 20 });
  const ok = done.status === 0;
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? "ok  " : "FAIL"} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  if (!ok) console.log(done.error === undefined ? done.stdout + done.stderr : String(done.error));
  return ok;
}

function debianPackages(): void {
  const missing = DEBIAN.filter(([probe]) =>
    probe.startsWith("/") ? !fs.existsSync(probe) : Bun.which(probe) === null,
  ).map(([, packageName]) => packageName);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    console.log(
      `note: tests that need ${missing.join(", ")} fail without; install: apt-get install ${missing.join(" ")}`,
    );
    return;
  }
  spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore" });
  check(`install ${missing.join(" ")}`, "apt-get", [
    "install",
    "-y",
    "-qq",
    "--no-install-recommends",
    ...missing,
  ]);
}

/** Generates anew into a scratch folder and compares, so that src/gen never drifts from proto/. */
function generatedCode(): void {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-gen-"));
  try {
    if (check("generate from proto/", bin("buf"), ["generate", "--output", scratch])) {
      check("src/gen is what proto/ gives", "diff", ["-r", path.join(scratch, "src", "gen"), "src/gen"]);
    }
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

async function tests(): Promise<void> {
  const running = spawn(process.execPath, ["test", "--timeout", "120000", ...process.argv.slice(2)], {
    env: { ...process.env, DAOSCTL: executable },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let report = "";
  running.stdout.pipe(process.stdout);
  running.stderr.on("data", (chunk: Buffer) => {
    report += chunk.toString();
    process.stderr.write(chunk);
  });
  const status = await new Promise<number>((resolve) => running.on("close", (code) => resolve(code ?? 1)));
  const closing = report.slice(-2000);
  const count = (word: string) => Number(closing.match(new RegExp(`^ *(\\d+) ${word}$`, "m"))?.[1] ?? 0);
  passed += count("pass");
  const failures = count("fail") + count("error") + count("errors");
  // A runner that died, or found nothing to run, is a failure whatever it printed.
  failed += failures === 0 && (status !== 0 || count("pass") === 0) ? 1 : failures;
}

debianPackages();
check("format and lint", bin("biome"), ["ci", "--error-on-warnings", "--colors=off"]);
check("types", bin("tsc"), ["-p", "."]);
generatedCode();
if (check("build", process.execPath, ["build.ts"])) await tests();
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
