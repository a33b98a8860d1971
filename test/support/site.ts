import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { daosctl, type Finished, run } from "./daosctl.ts";
import { waitFor } from "./wait.ts";

/** One DAOS server on loopback with its own folder, configured by hand as the README tells. */
export interface SiteServer {
  readonly index: number;
  readonly folder: string;
  readonly port: number;
  readonly configFile: string;
  readonly logFile: string;
  pid(): number;
  start(): void;
  /** Resolves with the exit status once the process is gone. */
  signal(name: NodeJS.Signals): Promise<number | null>;
  log(): string;
}

export interface Site {
  readonly folder: string;
  readonly servers: readonly SiteServer[];
  readonly controlConfig: string;
  readonly enginesEach: number;
  dmg(...args: string[]): Promise<Finished>;
  /** The `response` of a `--json` document of a command that must succeed. */
  dmgJson<T>(...args: string[]): Promise<T>;
  /** Stops what still runs and removes the folder. */
  close(): Promise<void>;
}

export interface SiteOptions {
  servers?: number;
  /** Extra lines for each engine's section of daos_server.yml, already indented. */
  engineLines?: string;
  targets?: number;
  /** Engines of each server (1). */
  engines?: number;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = net.createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", resolve);
  });
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** The certificates of a site: made once by the executable itself. */
async function makeCertificates(folder: string): Promise<string> {
  const made = await run(daosctl("cert", "init", folder));
  if (made.status !== 0) throw new Error(`no certificates: ${made.stderr}`);
  return path.join(folder, "daosCA", "certs");
}

/**
 * Lays out a site of N servers, the first of which holds the management service. Nothing is started.
 * Every engine is the emulated one, found first on the PATH of the servers.
 */
export async function createSite(options: SiteOptions = {}): Promise<Site> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dsite-"));
  const bin = path.join(folder, "bin");
  fs.mkdirSync(bin);
  const engine = daosctl("lab", "engine")
    .map((word) => `'${word}'`)
    .join(" ");
  fs.writeFileSync(path.join(bin, "daos_engine"), `#!/bin/sh\nexec ${engine} "$@"\n`, { mode: 0o755 });
  const certs = await makeCertificates(folder);
  const count = options.servers ?? 1;
  const ports: number[] = [];
  const engines = options.engines ?? 1;
  const portsEach = 1 + engines;
  while (ports.length < portsEach * count) {
    const port = await freePort();
    if (!ports.includes(port)) ports.push(port);
  }
  const accessPoint = `127.0.0.1:${ports[0]}`;
  const transport = (name: string, extra = "") =>
    `transport_config:\n  allow_insecure: false\n  ca_cert: ${certs}/daosCA.crt\n  cert: ${certs}/${name}.crt\n  key: ${certs}/${name}.key\n${extra}`;

  const servers = Array.from({ length: count }, (_, index) => {
    const home = path.join(folder, `s${index}`);
    fs.mkdirSync(path.join(home, "run"), { recursive: true });
    const configFile = path.join(home, "daos_server.yml");
    const logFile = path.join(home, "server.log");
    fs.writeFileSync(
      configFile,
      `name: daos_server
access_points: ["${accessPoint}"]
port: ${ports[index * portsEach]}
provider: ofi+tcp
socket_dir: ${home}/run
disable_hugepages: true
control_log_file: ${logFile}
${transport("server", `  client_cert_dir: ${certs}/clients\n`)}engines:
${engineSections(home, options, ports.slice(index * portsEach + 1, (index + 1) * portsEach))}`,
    );
    return siteServer(index, home, ports[index * portsEach]!, configFile, logFile, bin);
  });

  const controlConfig = path.join(folder, "daos_control.yml");
  const hosts = servers.map((server) => `"127.0.0.1:${server.port}"`).join(", ");
  fs.writeFileSync(
    controlConfig,
    `name: daos_server\nport: ${ports[0]}\nhostlist: [${hosts}]\n${transport("admin")}`,
  );
  const dmg = (...args: string[]) => run(daosctl("dmg", "-o", controlConfig, ...args));

  return {
    folder,
    servers,
    controlConfig,
    enginesEach: engines,
    dmg,
    async dmgJson<T>(...args: string[]): Promise<T> {
      const done = await dmg("--json", ...args);
      if (done.status !== 0) throw new Error(`dmg ${args.join(" ")}: ${done.stderr}`);
      return (JSON.parse(done.stdout) as { response: T }).response;
    },
    async close() {
      await Promise.all(servers.map((server) => server.signal("SIGKILL")));
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

function engineSections(home: string, options: SiteOptions, fabricPorts: readonly number[]): string {
  return fabricPorts
    .map(
      (port, engine) => `- targets: ${options.targets ?? 4}
  nr_xs_helpers: 0
  fabric_iface: lo
  fabric_iface_port: ${port}
  log_file: ${home}/engine${engine}.log
${options.engineLines ?? ""}  storage:
  - class: ram
    scm_mount: ${home}/scm${engine === 0 ? "" : engine}
    scm_size: 1
`,
    )
    .join("");
}

function siteServer(
  index: number,
  folder: string,
  port: number,
  configFile: string,
  logFile: string,
  bin: string,
): SiteServer {
  let child: Bun.Subprocess | undefined;
  return {
    index,
    folder,
    port,
    configFile,
    logFile,
    pid: () => child?.pid ?? -1,
    start() {
      child = Bun.spawn(daosctl("server", "start", "-o", configFile, "--scm-as-folder"), {
        stdin: "ignore",
        stdout: Bun.file(path.join(folder, "stdout")),
        stderr: Bun.file(path.join(folder, "stderr")),
        env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` },
      });
    },
    async signal(name) {
      if (child === undefined) return null;
      if (child.exitCode === null && child.signalCode === null) child.kill(name);
      return child.exited;
    },
    log: () => (fs.existsSync(logFile) ? fs.readFileSync(logFile, "utf8") : ""),
  };
}

interface QueriedMember {
  rank: number;
  state: string;
  info: string;
  addr: string;
}

/** Starts every server, formats, waits until every rank has joined. */
export async function bringUp(site: Site): Promise<void> {
  for (const server of site.servers) server.start();
  for (const server of site.servers) {
    await waitFor(
      `server ${server.index} to ask for format`,
      () => server.log().includes("format required"),
      20_000,
    );
  }
  const formatted = await site.dmg("storage", "format");
  if (formatted.status !== 0) throw new Error(`format failed: ${formatted.stdout}${formatted.stderr}`);
  await allJoined(site);
}

export async function members(site: Site): Promise<QueriedMember[]> {
  return (await site.dmgJson<{ members: QueriedMember[] | null }>("system", "query")).members ?? [];
}

export async function allJoined(site: Site): Promise<void> {
  const expected = site.servers.length * site.enginesEach;
  await waitFor(
    "every rank to join",
    async () => {
      const found = await members(site);
      return found.length === expected && found.every((member) => member.state === "joined");
    },
    30_000,
  );
}

/** Process ids whose command line contains every one of `words`. */
export function processesWith(...words: string[]): number[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return Number(pid) !== process.pid && words.every((word) => line.includes(word));
      } catch {
        return false; // gone meanwhile
      }
    })
    .map(Number);
}
