/**
 * Builds the executable: `bun build.ts [--target linux-x64|linux-x64-baseline|linux-arm64] [--outfile F]
 * [--etcd PATH | --no-etcd]`. The etcd server it carries comes from Debian's etcd-server package unless a path is
 * given; a build without one has to be asked for.
 * The flags and what each guards against: docs/notes/build.md.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { type PreparedEtcd, prepareEtcd } from "./scripts/etcd.ts";

const TARGETS = ["linux-x64", "linux-x64-baseline", "linux-arm64"] as const;
const root = import.meta.dirname;

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** Files that are started by path (Workers) and so need to be entry points of their own. */
function workerFiles(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith("-worker.ts"))
    .map((file) => path.join(folder, file))
    .sort();
}

function revision(): string {
  const head = spawnSync("git", ["rev-parse", "--short=12", "HEAD"], { cwd: root, encoding: "utf8" });
  if (head.status !== 0) return "unknown";
  const dirty = spawnSync("git", ["status", "--porcelain"], { cwd: root, encoding: "utf8" });
  return head.stdout.trim() + (dirty.status === 0 && dirty.stdout.trim() === "" ? "" : "-dirty");
}

const target = option("target");
if (target !== undefined && !TARGETS.includes(target as (typeof TARGETS)[number])) {
  console.error(`build: unknown target "${target}"; one of ${TARGETS.join(", ")}`);
  process.exit(1);
}
const arch = target === undefined ? process.arch : target.endsWith("arm64") ? "arm64" : "x64";

function etcd(): PreparedEtcd | undefined {
  if (process.argv.includes("--no-etcd")) return undefined;
  try {
    return prepareEtcd(root, arch, option("etcd"));
  } catch (error) {
    console.error(
      `build: no etcd server for ${arch}: ${error instanceof Error ? error.message : String(error)}`,
    );
    process.exit(1);
  }
}

/** What the executable knows of its etcd; see src/store/etcd/asset.ts. */
function etcdDefine(carried: PreparedEtcd | undefined): string {
  if (carried === undefined) return '""';
  const { version, source, sha256, sizeBytes } = carried;
  return JSON.stringify(JSON.stringify({ version, source, sha256, sizeBytes }));
}

const carriedEtcd = etcd();
const packageJson = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as {
  version: string;
};
const outfile =
  option("outfile") ?? path.join(root, "dist", target === undefined ? "daosctl" : `daosctl-${target}`);
fs.mkdirSync(path.dirname(outfile), { recursive: true });
// A folder of its own: the compiler leaves a source map beside the executable for each of its pieces.
const workFolder = fs.mkdtempSync(path.join(path.dirname(outfile), ".build-"));
process.on("exit", () => fs.rmSync(workFolder, { recursive: true, force: true }));
const unfinished = path.join(workFolder, "daosctl");

const built = spawnSync(
  process.execPath,
  [
    "build",
    "--compile",
    ...(target === undefined ? [] : [`--target=bun-${target}`]),
    "--minify",
    "--bytecode",
    "--format=esm",
    "--splitting",
    "--sourcemap",
    // Names inside the executable start here, whatever is embedded: src/store/sqlite.ts knows its Worker's.
    `--root=${root}`,
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    "--compile-exec-argv=--disallow-code-generation-from-strings=strict",
    "--compile-jit-policy",
    "8",
    `--define=DAOSCTL_VERSION="${packageJson.version}"`,
    `--define=DAOSCTL_REVISION="${revision()}"`,
    `--define=DAOSCTL_ETCD=${etcdDefine(carriedEtcd)}`,
    path.join(root, "src", "main.ts"),
    ...workerFiles(path.join(root, "src")),
    ...(carriedEtcd === undefined ? [] : [carriedEtcd.file]),
    "--outfile",
    unfinished,
  ],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
);
if (built.status !== 0) process.exit(built.status ?? 1);

// Bun reports some failures with exit status 0 and a broken file: only a run of the result is proof.
const runnable = target === undefined;
if (runnable) {
  const run = spawnSync(unfinished, ["--version"], { encoding: "utf8" });
  if (run.status !== 0 || !run.stdout.startsWith(`daosctl ${packageJson.version}`)) {
    console.error(`build: the executable does not run:\n${run.stdout}${run.stderr}`);
    process.exit(1);
  }
}
fs.renameSync(unfinished, outfile);
const mib = (fs.statSync(outfile).size / 1024 / 1024).toFixed(1);
console.log(
  `built ${path.relative(root, outfile)} (${mib} MiB, ${packageJson.version}, revision ${revision()})`,
);
console.log(
  carriedEtcd === undefined
    ? "no etcd server is in it: it can run a management service of one replica only"
    : `etcd ${carriedEtcd.version} is in it, from ${carriedEtcd.source}`,
);
