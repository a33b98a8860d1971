import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { daosctl, type Finished, run } from "../support/daosctl.ts";
import { waitFor } from "../support/wait.ts";
import { createNetwork, type Network } from "./network.ts";

export const port = 10001;

/** A server on a host of its own. */
export interface Host {
  readonly index: number;
  /** "ip:port". */
  readonly addr: string;
  readonly folder: string;
  /** It is configured to hold a replica. */
  readonly replica: boolean;
  start(): void;
  running(): boolean;
  /** Process ids: of the server, and of its etcd (undefined when it has none). */
  serverPid(): number | undefined;
  etcdPid(): number | undefined;
  signal(name: NodeJS.Signals): void;
  /** Asks it to stop, or kills it; resolves when it is gone. */
  stop(name: "SIGTERM" | "SIGKILL"): Promise<void>;
  log(): string;
}

export interface ClusterSite {
  readonly folder: string;
  readonly network: Network;
  readonly hosts: readonly Host[];
  readonly replicas: readonly Host[];
  readonly certs: string;
  /** Runs dmg on the client's host. */
  dmg(...args: string[]): Promise<Finished>;
  /** Runs `server ms` on a host, with its configuration. */
  ms(host: Host, ...args: string[]): Promise<Finished>;
  /** Names the first `count` hosts as access points, from the next start of each server on. */
  setReplicas(count: number): void;
  close(): Promise<void>;
}

export interface ClusterOptions {
  readonly servers: number;
  readonly replicas: number;
  /** Words that start daosctl; default: as every test does. */
  readonly program?: readonly string[];
  /** Folder of a server that is to be small: megabytes of the file system its database lies on. */
  readonly diskMib?: number;
  readonly insecure?: boolean;
}

/** Lays out servers on a network of their own. Needs root. Nothing is started. */
export async function createClusterSite(options: ClusterOptions): Promise<ClusterSite> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dcl-"));
  const made = await run(daosctl("cert", "init", folder));
  if (made.status !== 0) throw new Error(`no certificates: ${made.stderr}`);
  const certs = path.join(folder, "daosCA", "certs");
  const network = createNetwork(options.servers);
  const program = options.program ?? daosctl();
  const bin = path.join(folder, "bin");
  fs.mkdirSync(bin);
  const engine = [...daosctl("lab", "engine")].map((word) => `'${word}'`).join(" ");
  fs.writeFileSync(path.join(bin, "daos_engine"), `#!/bin/sh\nexec ${engine} "$@"\n`, { mode: 0o755 });

  const indexes = Array.from({ length: options.servers }, (_, index) => index);
  const addr = (index: number): string => `${network.ip(index)}:${port}`;
  const points = (count: number): string =>
    indexes
      .slice(0, count)
      .map((index) => `"${addr(index)}"`)
      .join(", ");
  const transport = (name: string, extra = ""): string =>
    `transport_config:\n  allow_insecure: ${options.insecure ?? false}\n  ca_cert: ${certs}/daosCA.crt\n` +
    `  cert: ${certs}/${name}.crt\n  key: ${certs}/${name}.key\n${extra}`;
  const hosts = indexes.map((index) => {
    const home = path.join(folder, `s${index}`);
    fs.mkdirSync(path.join(home, "run"), { recursive: true });
    fs.writeFileSync(
      path.join(home, "daos_server.yml"),
      `name: daos_server
access_points: [${points(options.replicas)}]
port: ${port}
provider: ofi+tcp
socket_dir: ${home}/run
disable_hugepages: true
control_log_mask: DEBUG
control_log_file: ${home}/server.log
fault_path: /host${index}
${transport("server", `  client_cert_dir: ${certs}/clients\n`)}engines:
- targets: 1
  nr_xs_helpers: 0
  fabric_iface: eth0
  fabric_iface_port: 31416
  log_file: ${home}/engine.log
  env_vars: ["DAOS_LAB_SCM_BYTES=4294967296"]
  storage:
  - class: ram
    scm_mount: ${home}/scm
    scm_size: 1
`,
    );
    return createHost({
      index,
      addr: addr(index),
      folder: home,
      replica: index < options.replicas,
      command: [...network.on(index), ...program],
      bin,
    });
  });
  const control = path.join(folder, "daos_control.yml");
  fs.writeFileSync(
    control,
    `name: daos_server\nport: ${port}\nhostlist: [${indexes.map((index) => `"${addr(index)}"`).join(", ")}]\n${transport("admin")}`,
  );
  return {
    folder,
    network,
    hosts,
    replicas: hosts.slice(0, options.replicas),
    certs,
    dmg: (...args) => run([...network.on(options.servers), ...daosctl("dmg", "-o", control, ...args)]),
    ms: (host, verb = "", ...args) =>
      run([
        ...network.on(host.index),
        ...daosctl("server", "ms", verb, "-o", path.join(host.folder, "daos_server.yml"), ...args),
      ]),
    setReplicas(count) {
      for (const host of hosts) {
        const file = path.join(host.folder, "daos_server.yml");
        const text = fs
          .readFileSync(file, "utf8")
          .replace(/^access_points: .*$/m, `access_points: [${points(count)}]`);
        fs.writeFileSync(file, text);
      }
    },
    async close() {
      network.mendAll();
      await Promise.all(hosts.map((host) => host.stop("SIGKILL")));
      network.close();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface HostParts {
  readonly index: number;
  readonly addr: string;
  readonly folder: string;
  readonly replica: boolean;
  readonly command: readonly string[];
  readonly bin: string;
}

function createHost(parts: HostParts): Host {
  const { folder } = parts;
  const logFile = path.join(folder, "server.log");
  let child: Bun.Subprocess | undefined;
  const running = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    index: parts.index,
    addr: parts.addr,
    folder,
    replica: parts.replica,
    running,
    start() {
      child = Bun.spawn(
        [...parts.command, "server", "start", "-o", `${folder}/daos_server.yml`, "--scm-as-folder"],
        {
          stdin: "ignore",
          stdout: Bun.file(path.join(folder, "stdout")),
          stderr: Bun.file(path.join(folder, "stderr")),
          env: { ...process.env, PATH: `${parts.bin}:${process.env["PATH"]}` },
        },
      );
    },
    // `ip netns exec` becomes the command: the child is the server.
    serverPid: () => (running() ? child?.pid : undefined),
    etcdPid: () => (running() ? childOf(child?.pid ?? 0, "/etcd/bin/etcd-") : undefined),
    signal(name) {
      if (running()) child?.kill(name);
    },
    async stop(name) {
      if (!running() || child === undefined) return;
      // A stopped process takes no other signal than this.
      if (name === "SIGTERM") child.kill("SIGCONT");
      child.kill(name);
      await child.exited;
    },
    log: () => (fs.existsSync(logFile) ? fs.readFileSync(logFile, "utf8") : ""),
  };
}

/** A child of `parent` whose command line has `word` in it. */
function childOf(parent: number, word: string): number | undefined {
  let children: string;
  try {
    children = fs.readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8");
  } catch {
    return undefined;
  }
  return children
    .trim()
    .split(" ")
    .map(Number)
    .find((pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word);
      } catch {
        return false; // gone meanwhile
      }
    });
}

/** Starts and formats everything and waits until all ranks have joined and all replicas vote. */
export async function bringUp(site: ClusterSite): Promise<void> {
  for (const host of site.hosts) host.start();
  for (const host of site.hosts) {
    await waitFor(`${host.addr} to ask for format`, () => host.log().includes("format required"), 60_000);
  }
  const formatted = await site.dmg("storage", "format");
  if (formatted.status !== 0) throw new Error(`format failed: ${formatted.stdout}${formatted.stderr}`);
  await settled(site, 90_000);
}

/** Waits until every rank is joined and every replica follows or leads. */
export async function settled(site: ClusterSite, timeoutMs: number): Promise<void> {
  await waitFor(
    "every rank to have joined",
    async () => {
      const done = await site.dmg("--json", "system", "query");
      const members = (JSON.parse(done.stdout || "{}").response?.members ?? []) as {
        state: string;
        addr: string;
      }[];
      const ours = members.filter(({ addr }) => site.hosts.some((host) => host.addr === addr));
      return ours.length === site.hosts.length && ours.every(({ state }) => state === "joined");
    },
    timeoutMs,
  );
  await waitFor(
    "every replica to vote",
    () => {
      const votes = site.replicas[0]?.log().match(/has caught up and votes now/g)?.length ?? 0;
      return votes >= site.replicas.length - 1;
    },
    timeoutMs,
  );
}

export { callUnary, closeConnections };
