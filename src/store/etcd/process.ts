import { rm } from "node:fs/promises";
import { join } from "node:path";
import { errorText } from "../../faults/fault.ts";
import { SELF_ARGV0, selfCommand } from "../../helper/self.ts";
import type { Logger } from "../../log/logger.ts";

/** Names of etcd's own sockets; it wants something that looks like host:port. */
export const clientSocket = "client:0";
const peerSocket = "peer:0";

/** How a member begins. Once it has data, only the data counts. */
export interface EtcdStart {
  /** "new": the first of a cluster; "existing": it has been added to one. */
  readonly state: "new" | "existing";
  /** All members, itself included, "ip:port". */
  readonly members: readonly string[];
  /** Tells this cluster from any other that these addresses may have been. */
  readonly token: string;
}

export interface EtcdTiming {
  readonly heartbeatMs: number;
  /** A follower that hears nothing for this long, or up to twice of it, stands for election. */
  readonly electionMs: number;
}

export interface EtcdProcessOptions {
  readonly program: string;
  /** Control address of this replica, "ip:port": the member's name and peer URL. */
  readonly self: string;
  readonly dataDir: string;
  /** Working folder, closed to others, in which the sockets are. */
  readonly runDir: string;
  readonly start: EtcdStart;
  readonly timing: EtcdTiming;
  /** Makes the data a cluster of this member alone, for good: to read them without the others. */
  readonly alone?: boolean;
  readonly log: Logger;
}

export interface EtcdProcess {
  running(): boolean;
  /** Ends it for good: asks first, kills after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Largest transaction: what one commit may hold, see etcd.ts. */
export const maxTxnOps = 16_384;
export const maxRequestBytes = 10 << 20;

/** etcd's own, of a member that the others have taken out: it cannot come back as who it was. */
const removedWords = "permanently removed";

const firstRestartMs = 200;
const longestRestartMs = 5_000;
/** One that ran for so long has not failed at its start. */
const settledMs = 30_000;

export function memberUrl(addr: string): string {
  return `unix://${addr}`;
}

export function memberAddr(url: string): string {
  return url.replace(/^unix:\/\//, "");
}

function argumentsOf({ self, dataDir, start, timing, alone }: EtcdProcessOptions): string[] {
  return [
    ...(alone ? ["--force-new-cluster"] : []),
    ...["--name", self],
    ...["--data-dir", dataDir],
    // Unix sockets in a folder that only our user can enter: nobody else can connect, and no port is opened.
    ...["--listen-client-urls", memberUrl(clientSocket)],
    ...["--advertise-client-urls", memberUrl(clientSocket)],
    ...["--listen-peer-urls", memberUrl(peerSocket)],
    ...["--initial-advertise-peer-urls", memberUrl(self)],
    ...["--initial-cluster", start.members.map((addr) => `${addr}=${memberUrl(addr)}`).join(",")],
    ...["--initial-cluster-state", start.state],
    ...["--initial-cluster-token", start.token],
    ...["--heartbeat-interval", String(timing.heartbeatMs)],
    ...["--election-timeout", String(timing.electionMs)],
    // A replica that was cut off must not unseat the leader when it comes back.
    "--pre-vote=true",
    ...["--max-txn-ops", String(maxTxnOps)],
    ...["--max-request-bytes", String(maxRequestBytes)],
    ...["--auto-compaction-mode", "revision", "--auto-compaction-retention", "1000"],
    // Members are added as learners first, which cannot cost the quorum; etcd's own check makes them wait.
    "--strict-reconfig-check=false",
    "--enable-v2=false",
    "--enable-grpc-gateway=false",
    ...["--logger", "zap", "--log-outputs", "stderr"],
  ];
}

/**
 * Runs etcd as a child that dies with us, however we end, and starts it again when it ends by itself.
 * @throws Error when it cannot be started at all
 */
export async function runEtcd(options: EtcdProcessOptions): Promise<EtcdProcess> {
  const { log, runDir } = options;
  let child: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopping = false;
  let pauseMs = firstRestartMs;
  let lastWords = "";

  const spawn = async (): Promise<void> => {
    // What a killed one has left behind would keep the next from listening.
    for (const name of [clientSocket, peerSocket]) await rm(join(runDir, name), { force: true });
    if (stopping) return;
    const startedMs = performance.now();
    const started = Bun.spawn(
      [
        ...selfCommand(),
        ...["helper", "exec-engine", String(process.pid), options.program],
        ...argumentsOf(options),
      ],
      {
        argv0: SELF_ARGV0,
        cwd: runDir,
        // etcd takes ETCD_… variables for flags: nothing of ours is handed on. The one here lets 3.4 run on arm64.
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ETCD_UNSUPPORTED_ARCH: "arm64" },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
      },
    );
    child = started;
    log.debug(`etcd ${started.pid} started for ${options.self}`);
    const output = followLog(started.stderr, log, (words) => {
      lastWords = words;
    });
    void started.exited.then(async () => {
      await Promise.race([output, Bun.sleep(200)]);
      if (child === started) child = undefined;
      if (stopping) return;
      const how = started.signalCode ?? `exit status ${started.exitCode}`;
      if (lastWords.includes(removedWords)) {
        stopping = true;
        log.notice(`etcd ${started.pid} has ended: this replica was taken out of the management service`);
        return;
      }
      log.error(
        `etcd ${started.pid} has ended (${how})${lastWords === "" ? "" : `: ${lastWords}`}; starting it again`,
      );
      if (performance.now() - startedMs > settledMs) pauseMs = firstRestartMs;
      timer = setTimeout(() => void respawn(), pauseMs);
      pauseMs = Math.min(pauseMs * 2, longestRestartMs);
    });
  };
  const respawn = async (): Promise<void> => {
    try {
      await spawn();
    } catch (error) {
      log.error(`etcd cannot be started: ${errorText(error)}`);
      if (!stopping) timer = setTimeout(() => void respawn(), longestRestartMs);
    }
  };

  await spawn();
  return {
    running: () => child !== undefined,
    async stop(graceMs) {
      stopping = true;
      clearTimeout(timer);
      const ending = child;
      if (ending === undefined) return;
      ending.kill("SIGTERM");
      const kill = setTimeout(() => ending.kill("SIGKILL"), graceMs);
      await ending.exited;
      clearTimeout(kill);
    },
  };
}

/** Hands etcd's log on, one line of JSON at a time; its worst is told to `onFatal`, for the reason of an end. */
async function followLog(
  stream: ReadableStream<Uint8Array>,
  log: Logger,
  onFatal: (words: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()?.slice(-64 * 1024) ?? "";
    for (const line of lines) tell(line, log, onFatal);
  }
  if (rest !== "") tell(rest, log, onFatal);
}

function tell(line: string, log: Logger, onFatal: (words: string) => void): void {
  if (line === "") return;
  let entry: { readonly level?: string; readonly msg?: string; readonly error?: string };
  try {
    entry = JSON.parse(line) as typeof entry;
  } catch {
    // A panic, or the runtime's own words.
    onFatal(line);
    log.debug(`etcd: ${line}`);
    return;
  }
  const words = `${entry.msg ?? line}${entry.error === undefined ? "" : `: ${entry.error}`}`;
  if (entry.level === "fatal" || entry.level === "panic" || words.includes(removedWords)) onFatal(words);
  if (entry.level !== "info") log.debug(`etcd: ${words}`);
}
