/**
 * Fetches the etcd server that the executable carries: from the Debian package `etcd-server`, unpacked into a
 * cache below node_modules (no root needed), or from a path. Used by build.ts.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";

export interface PreparedEtcd {
  readonly version: string;
  readonly source: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** The compressed program. */
  readonly file: string;
}

const PACKAGE = "etcd-server";
const ASSET = "etcd-server.zst";
/** Small enough that the executable does not suffer, quick to build: 19 takes four times as long for 6 % less. */
const LEVEL = 12;

/**
 * The etcd for a processor ("x64", "arm64"), from the cache when nothing has changed.
 * @throws Error that says what to do when it cannot be had
 */
export function prepareEtcd(root: string, arch: string, given: string | undefined): PreparedEtcd {
  const folder = path.join(root, "node_modules", ".cache", "daosctl", arch);
  fs.mkdirSync(folder, { recursive: true });
  if (given !== undefined) {
    const program = fs.readFileSync(given);
    return store(folder, program, versionOf(given) ?? unknownVersion(given), path.resolve(given));
  }
  const cached = readCache(folder);
  if (cached !== undefined) return cached;
  const { program, packageVersion } = fromDebian(folder, arch);
  const version = packageVersion.replace(/^\d+:/, "").replace(/[-+].*$/, "");
  return store(folder, program, version, `Debian package ${PACKAGE} ${packageVersion}`);
}

function manifestPath(folder: string): string {
  return path.join(folder, "etcd.json");
}

function readCache(folder: string): PreparedEtcd | undefined {
  const file = path.join(folder, ASSET);
  if (!fs.existsSync(file) || !fs.existsSync(manifestPath(folder))) return undefined;
  const manifest = JSON.parse(fs.readFileSync(manifestPath(folder), "utf8")) as PreparedEtcd;
  // What somebody's --etcd has left is not what a build without it means.
  if (!manifest.source.startsWith("Debian package")) return undefined;
  return { ...manifest, file };
}

function store(folder: string, program: Buffer, version: string, source: string): PreparedEtcd {
  const file = path.join(folder, ASSET);
  const manifest = {
    version,
    source,
    sha256: createHash("sha256").update(program).digest("hex"),
    sizeBytes: program.length,
  };
  const compressed = zlib.zstdCompressSync(program, {
    params: { [zlib.constants.ZSTD_c_compressionLevel]: LEVEL },
  });
  for (const [name, data] of [
    [file, compressed],
    [manifestPath(folder), `${JSON.stringify(manifest, null, 2)}\n`],
  ] as const) {
    fs.writeFileSync(`${name}.new`, data);
    fs.renameSync(`${name}.new`, name);
  }
  return { ...manifest, file };
}

/** What the program says of itself; undefined when it cannot run here (another processor). */
function versionOf(program: string): string | undefined {
  const run = spawnSync(program, ["--version"], { encoding: "utf8" });
  return run.status === 0 ? /etcd Version: (\S+)/.exec(run.stdout)?.[1] : undefined;
}

/** From a file name like etcd-v3.5.9, the best there is for a program that does not run here. */
function unknownVersion(program: string): string {
  return /(\d+\.\d+\.\d+)/.exec(program)?.[1] ?? "unknown";
}

function fromDebian(folder: string, arch: string): { program: Buffer; packageVersion: string } {
  const name = arch === process.arch ? PACKAGE : `${PACKAGE}:${arch === "x64" ? "amd64" : arch}`;
  const scratch = fs.mkdtempSync(path.join(folder, "fetch-"));
  try {
    let fetched = download(scratch, name);
    if (fetched.status !== 0 && process.getuid?.() === 0) {
      spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore" });
      fetched = download(scratch, name);
    }
    const deb = fs.readdirSync(scratch).find((file) => file.endsWith(".deb"));
    if (fetched.status !== 0 || deb === undefined) {
      throw new Error(
        `the Debian package ${name} cannot be fetched: ${(fetched.stderr || String(fetched.error ?? "")).trim()}\n` +
          (arch === process.arch
            ? "give an etcd server by --etcd PATH, or build without one by --no-etcd"
            : `packages for ${arch} need "dpkg --add-architecture"; give an etcd server by --etcd PATH, or build without one by --no-etcd`),
      );
    }
    const file = path.join(scratch, deb);
    const packageVersion = run("dpkg-deb", ["-f", file, "Version"]).trim();
    run("dpkg-deb", ["-x", file, path.join(scratch, "root")]);
    return { program: fs.readFileSync(path.join(scratch, "root", "usr", "bin", "etcd")), packageVersion };
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

function download(folder: string, name: string) {
  return spawnSync("apt-get", ["download", "-qq", "-o", "APT::Sandbox::User=root", name], {
    cwd: folder,
    encoding: "utf8",
  });
}

function run(command: string, args: readonly string[]): string {
  const done = spawnSync(command, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${command} ${args[0]}: ${done.stderr || String(done.error)}`);
  return done.stdout;
}
