import path from "node:path";
import { KV, Watch } from "../../src/gen/etcd/rpc_pb.ts";
import { etcdKeys, text } from "../../src/store/etcd/keys.ts";
import { readAll } from "../../src/store/etcd/mirror.ts";
import { createEtcdClient, type EtcdClient, unixEndpoint } from "../../src/store/etcd/rpc.ts";
import { waitFor } from "../support/wait.ts";
import { checkHistory } from "./checker.ts";
import type { DriverCommand } from "./driver.ts";
import { currentLeader, faults } from "./faults.ts";
import type { Call, CommitRecord, FinalState } from "./history.ts";
import { createRandom } from "./random.ts";
import type { ClusterSite, Host } from "./site.ts";

/** The clients' process. */
export interface Driver {
  ask<T>(command: DriverCommand): Promise<T>;
  close(): Promise<void>;
}

export function startDriver(site: ClusterSite): Driver {
  const words = [process.execPath, "run", path.join(import.meta.dirname, "driver.ts"), site.certs];
  const child = Bun.spawn(
    [...site.network.on(site.hosts.length), ...words, ...site.replicas.map(({ addr }) => addr)],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  const answers = linesOf(child.stdout);
  return {
    async ask<T>(command: DriverCommand): Promise<T> {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      await child.stdin.flush();
      const { value, done } = await answers.next();
      if (done) throw new Error("the clients' process has ended");
      const line = JSON.parse(value) as { readonly answer: T; readonly error?: string };
      if (line.error !== undefined) throw new Error(`${command.cmd}: ${line.error}`);
      return line.answer;
    },
    async close() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}

export interface RunResult {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly calls: number;
  readonly unknown: number;
  readonly problems: readonly string[];
  readonly tookMs: number;
}

export interface RunOptions {
  readonly clients?: number;
  readonly paceMs?: number;
  /** Instead of those that follow from the seed. */
  readonly fault?: (typeof faults)[number];
}

/** One run: clients work, something goes wrong (and right again), the history is checked. */
export async function runSeed(
  site: ClusterSite,
  driver: Driver,
  seed: number,
  options: RunOptions = {},
): Promise<RunResult> {
  const startMs = performance.now();
  const random = createRandom(seed);
  const from = await newestRevision(site);
  const leader = await currentLeader(site);
  const { attributes: before } = await driver.ask<FinalState>({ cmd: "final" });
  await driver.ask({
    cmd: "start",
    seed,
    clients: options.clients ?? 5,
    pools: random.below(4) === 0,
    paceMs: options.paceMs ?? 60,
  });
  const chosen = options.fault ?? faults[seed % faults.length]!;
  await Bun.sleep(200 + random.below(300));
  await chosen.run(site, random, leader);
  await allLead(site);
  await Bun.sleep(200 + random.below(300));
  const calls = (await driver.ask<(Call & { endMs: number | null })[]>({ cmd: "stop" })).map((call) => ({
    ...call,
    endMs: call.endMs ?? Number.POSITIVE_INFINITY,
  }));
  const final = await driver.ask<FinalState>({ cmd: "final" });
  const commits = await commitHistory(site, from);
  return {
    seed,
    faults: [chosen.name],
    calls: calls.length,
    unknown: calls.filter(({ outcome }) => outcome === "unknown").length,
    problems: checkHistory(withEarlier(calls, before), final, commits),
    tookMs: performance.now() - startMs,
  };
}

/** Attributes outlive a run: for those that are there before it, a write before all others stands. */
function withEarlier(calls: readonly Call[], before: FinalState["attributes"]): Call[] {
  const firstMs = Math.min(...calls.map(({ startMs }) => startMs)) - 2;
  const earlier = Object.entries(before).map(
    ([key, value]): Call => ({
      client: -1,
      op: { kind: "write", key, value },
      startMs: firstMs,
      endMs: firstMs + 1,
      outcome: "ok",
    }),
  );
  return [...earlier, ...calls];
}

/** Waits until every replica serves again and one leads. */
async function allLead(site: ClusterSite): Promise<void> {
  await currentLeader(site);
  await waitFor(
    "every replica to answer",
    async () => {
      const asked = await site.dmg("--json", "system", "leader-query");
      return ((JSON.parse(asked.stdout || "{}").response?.down_replicas ?? []) as string[]).length === 0;
    },
    60_000,
  );
}

/** Unix sockets know no network namespaces: a replica's database can be asked from here. */
function etcdOf(host: Host): EtcdClient {
  return createEtcdClient(
    unixEndpoint(path.join(host.folder, "scm", "control_raft", "etcd", "run", "client:0")),
  );
}

const keys = etcdKeys("daos_server");

async function withEtcd<T>(site: ClusterSite, work: (client: EtcdClient) => Promise<T>): Promise<T> {
  return waitFor(
    "a database that answers",
    async () => {
      for (const host of site.replicas) {
        if (!host.running()) continue;
        const client = etcdOf(host);
        try {
          return { value: await work(client) };
        } catch {
          // The next one, or all of them again.
        } finally {
          client.close();
        }
      }
      return undefined;
    },
    30_000,
  ).then(({ value }) => value);
}

async function newestRevision(site: ClusterSite): Promise<bigint> {
  return withEtcd(site, async (client) => (await readAll(client, keys.records)).revision);
}

/** Every commit since `from`, with the leader that was then. */
async function commitHistory(site: ClusterSite, from: bigint): Promise<CommitRecord[]> {
  return withEtcd(site, async (client) => {
    const until = (await client.call(KV.method.range, keys.all)).header?.revision ?? 0n;
    const at = await client.call(KV.method.range, {
      key: new TextEncoder().encode(keys.leader),
      revision: from,
    });
    let leaderTerm = at.kvs[0]?.modRevision ?? 0n;
    const commits: CommitRecord[] = [];
    let seen = from;
    let failure: Error | undefined;
    const stream = client.stream(Watch.method.watch, {
      onMessage({ events, header }) {
        for (const { kv } of events) {
          if (kv === undefined) continue;
          const key = text(kv.key);
          if (key === keys.leader && kv.createRevision !== 0n) leaderTerm = kv.modRevision;
          if (key === keys.commit)
            commits.push({ revision: kv.modRevision, name: text(kv.value), leaderTerm });
          seen = kv.modRevision;
        }
        if (events.length === 0 && header !== undefined && from >= until) seen = until;
      },
      onEnd: (error) => {
        failure = error;
      },
    });
    stream.send({
      requestUnion: { case: "createRequest", value: { ...keys.all, startRevision: from + 1n } },
    });
    await waitFor(
      "the history of commits",
      () => failure !== undefined || seen >= until || from >= until,
      10_000,
    );
    stream.close();
    if (failure !== undefined) throw failure;
    return commits;
  });
}
