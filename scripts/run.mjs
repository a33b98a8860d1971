// What `npm run …` runs. Plain Node 20 and its own modules only: a fresh clone has nothing else yet.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const root = path.dirname(import.meta.dirname);
const inRoot = (...parts) => path.join(root, ...parts);
const [task = "", ...rest] = process.argv.slice(2);
process.chdir(root);

/** Runs to the end, shows its output; a failure ends everything with its status. */
function step(command, args, options = {}) {
  const done = spawnSync(command, args, { stdio: "inherit", ...options });
  if (done.error) throw done.error;
  if (done.status !== 0) process.exit(done.status ?? 1);
}

/** Installs what the lock file names, unless it already stands there. */
function install() {
  const stamp = inRoot("node_modules", ".installed");
  const lock = fs.readFileSync(inRoot("package-lock.json"), "utf8");
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === lock) return;
  step("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
  fs.writeFileSync(stamp, lock);
}

function bunPath() {
  const cpu = process.arch === "arm64" ? "aarch64" : "x64";
  return inRoot("node_modules", "@oven", `bun-linux-${cpu}`, "bin", "bun");
}
const bun = (...args) => step(bunPath(), args);
const tool = (name, ...args) => step(inRoot("node_modules", ".bin", name), args);

/** Newest modification below the given files and folders, milliseconds. */
function newest(...names) {
  let latest = 0;
  for (const name of names) {
    const file = inRoot(name);
    const stat = fs.statSync(file);
    latest = Math.max(latest, stat.mtimeMs);
    if (!stat.isDirectory()) continue;
    for (const entry of fs.readdirSync(file, { recursive: true, withFileTypes: true })) {
      if (entry.isFile())
        latest = Math.max(latest, fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
    }
  }
  return latest;
}

function build(args = []) {
  const executable = inRoot("dist", "daosctl");
  const sources = newest("src", "build.ts", "package.json", "package-lock.json");
  if (args.length === 0 && fs.existsSync(executable) && fs.statSync(executable).mtimeMs > sources) return;
  bun("build.ts", ...args);
}

const tasks = {
  setup: () => install(),
  build() {
    install();
    build(rest);
  },
  lab() {
    install();
    build();
    const lab = spawnSync(inRoot("dist", "daosctl"), ["lab", "up", ...rest], { stdio: "inherit" });
    process.exit(lab.status ?? 1);
  },
  test() {
    install();
    bun("scripts/test.ts", ...rest);
  },
  sources() {
    install();
    bun("test", ...rest);
  },
  fuzz() {
    install();
    process.env.FUZZ_CASES ??= "1000000";
    bun("test", "test/fuzz", ...rest);
  },
  cluster() {
    install();
    build();
    process.env.DAOSCTL = inRoot("dist", "daosctl");
    bun("test/cluster/main.ts", ...rest);
  },
  bench() {
    install();
    build();
    bun("bench/main.ts", ...rest);
  },
  generate() {
    install();
    fs.rmSync(inRoot("src", "gen"), { recursive: true, force: true });
    tool("buf", "generate");
  },
  docs() {
    install();
    bun("scripts/docs.ts");
  },
  format() {
    install();
    tool("biome", "check", "--write");
  },
};

if (!Object.hasOwn(tasks, task)) {
  console.error(`run: unknown task "${task}"; one of ${Object.keys(tasks).join(", ")}`);
  process.exit(1);
}
tasks[task]();
