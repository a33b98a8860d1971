/**
 * Three replicas on this host, mutual TLS, an emulated engine each: the leader's server is killed with SIGKILL, and
 * the time is taken until another replica has acknowledged a change. Then joins: 2,048 ranks by 64 callers at once,
 * each acknowledged when a majority has it on disk.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { callUnary, closeConnections } from "../src/client/transport.ts";
import { KV } from "../src/gen/etcd/rpc_pb.ts";
import { MgmtSvc } from "../src/gen/mgmt/mgmt_pb.ts";
import { loadTransportSecurity, type TransportSecurity } from "../src/security/tls.ts";
import { etcdKeys, text } from "../src/store/etcd/keys.ts";
import { createEtcdClient, unixEndpoint } from "../src/store/etcd/rpc.ts";
import { nilRank } from "../src/system/ranks.ts";
import { daosctl, run as runToEnd } from "../test/support/daosctl.ts";
import { type BenchRow, median } from "./report.ts";

const ROUNDS = 30;
/** 2.6.0 on a machine of this kind: 5.8 to 7.7 s. */
const THEIRS_MS = 6_700;
/** And its joins, 64 or 1,024 at once, with one replica. */
const THEIR_JOINS_PER_SECOND = [256, 365] as const;
const SIZES = [128, 512, 2048];
const CALLERS = 64;
const SYS = "daos_server-2.6.0";
const GIVE_UP_MS = 60_000;

interface LabRecord {
  readonly ports: readonly { readonly control: number }[];
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

interface Lab {
  readonly dir: string;
  readonly hosts: readonly string[];
  readonly pids: number[];
  readonly admin: TransportSecurity;
  readonly server: TransportSecurity;
}

async function bringUp(): Promise<Lab> {
  const dir = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "bfo-")), "lab");
  const up = await runToEnd(
    daosctl("lab", "up", "--dir", dir, "--servers", "3", "--replicas", "3", "--detach"),
  );
  if (up.status !== 0) throw new Error(`no lab: ${up.stdout}${up.stderr}`);
  const record = JSON.parse(fs.readFileSync(path.join(dir, "lab.json"), "utf8")) as LabRecord;
  const certs = path.join(dir, "certs", "daosCA", "certs");
  const security = (component: "admin" | "server") =>
    loadTransportSecurity(
      {
        allowInsecure: false,
        caCert: `${certs}/daosCA.crt`,
        cert: `${certs}/${component}.crt`,
        key: `${certs}/${component}.key`,
      },
      component,
    );
  const pidOf = (index: number) => record.processes.find(({ name }) => name === `s${index}`)?.pid ?? -1;
  return {
    dir,
    hosts: record.ports.map(({ control }) => `127.0.0.1:${control}`),
    pids: record.ports.map((_, index) => pidOf(index)),
    admin: await security("admin"),
    server: await security("server"),
  };
}

function restart(lab: Lab, index: number): void {
  const home = path.join(lab.dir, `s${index}`);
  const command = daosctl(
    "server",
    "start",
    "-o",
    `${home}/daos_server.yml`,
    "--listen",
    "127.0.0.1",
    "--scm-as-folder",
  );
  const child = Bun.spawn(command, {
    stdin: "ignore",
    stdout: Bun.file(`${home}/output`),
    stderr: "inherit",
    env: { ...process.env, PATH: `${lab.dir}/bin:${process.env["PATH"]}` },
  });
  lab.pids[index] = child.pid;
}

async function until<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + GIVE_UP_MS;
  for (;;) {
    const found = await probe().catch(() => undefined);
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await Bun.sleep(10);
  }
}

function leaderAs(lab: Lab, host: string): Promise<string> {
  return callUnary(MgmtSvc.method.leaderQuery, host, { sys: SYS }, options(lab)).then(
    (answer) => answer.currentLeader,
  );
}

const options = (lab: Lab) => ({ security: lab.admin, component: "admin", timeoutMs: 2_000 }) as const;

/** All three know the same leader. */
function agreed(lab: Lab): Promise<string> {
  return until("one leader", async () => {
    const named = new Set(await Promise.all(lab.hosts.map((host) => leaderAs(lab, host))));
    const [leader] = named;
    return named.size === 1 && leader !== "" ? leader : undefined;
  });
}

async function oneFailover(lab: Lab, round: number): Promise<number> {
  const leader = await agreed(lab);
  const index = lab.hosts.indexOf(leader);
  const others = lab.hosts.filter((host) => host !== leader);
  const startMs = performance.now();
  process.kill(lab.pids[index]!, "SIGKILL");
  await until("another leader", () =>
    Promise.any(
      others.map(async (host) => {
        await callUnary(
          MgmtSvc.method.systemSetAttr,
          host,
          { sys: SYS, attributes: { round: String(round) } },
          options(lab),
        );
        return true;
      }),
    ),
  );
  const tookMs = performance.now() - startMs;
  restart(lab, index);
  await agreed(lab);
  return tookMs;
}

/** Number of the last commit, which counts them within a term; the term. */
async function commitNumber(
  lab: Lab,
  leader: string,
): Promise<{ readonly term: string; readonly count: number }> {
  const home = path.join(lab.dir, `s${lab.hosts.indexOf(leader)}`, "scm0", "control_raft", "etcd", "run");
  const client = createEtcdClient(unixEndpoint(path.join(home, "client:0")));
  try {
    const key = new TextEncoder().encode(etcdKeys("daos_server").commit);
    const { kvs } = await client.call(KV.method.range, { key });
    const [term = "", count = "0"] = text(kvs[0]?.value ?? new Uint8Array()).split("-");
    return { term, count: Number(count) };
  } finally {
    client.close();
  }
}

interface Joins {
  readonly perSecond: number;
  readonly commitsPerJoin: number;
}

async function joins(lab: Lab, count: number, first: number): Promise<Joins> {
  const leader = await agreed(lab);
  const before = await commitNumber(lab, leader);
  let next = 0;
  const startMs = performance.now();
  const caller = async (): Promise<void> => {
    for (let mine = next++; mine < count; mine = next++) {
      const number = first + mine;
      await callUnary(
        MgmtSvc.method.join,
        leader,
        {
          sys: SYS,
          uuid: `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`,
          rank: nilRank,
          addr: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}:10001`,
          uri: `ofi+tcp://10.${number >> 16}.${(number >> 8) & 255}.${number & 255}:31416`,
          nctxs: 18,
          srvFaultDomain: `/host${number}`,
          incarnation: 1n,
        },
        { security: lab.server, component: "server", timeoutMs: 60_000 },
      );
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const tookMs = performance.now() - startMs;
  const after = await commitNumber(lab, leader);
  const commits = after.term === before.term ? after.count - before.count : Number.NaN;
  return { perSecond: (count / tookMs) * 1000, commitsPerJoin: commits / count };
}

export async function run(): Promise<BenchRow[]> {
  process.env["DAOSCTL"] ??= path.resolve(import.meta.dirname, "..", "dist", "daosctl");
  const lab = await bringUp();
  try {
    const timesMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) timesMs.push(await oneFailover(lab, round));
    const bySize: Joins[] = [];
    let first = 1;
    for (const size of SIZES) {
      bySize.push(await joins(lab, size, first));
      first += size;
    }
    const worstMs = Math.max(...timesMs);
    const rates = bySize.map(({ perSecond }) => perSecond);
    return [
      {
        name: `failover: leader killed to a change acknowledged by another, of 2.6.0's ${THEIRS_MS} ms`,
        ratio: median(timesMs) / THEIRS_MS,
        spread: [Math.min(...timesMs) / THEIRS_MS, worstMs / THEIRS_MS],
        unit: "times",
        note: `median ${median(timesMs).toFixed(0)} ms, worst ${worstMs.toFixed(0)} ms of ${ROUNDS}`,
      },
      {
        name: `failover: joins a second, 3 replicas, of 2.6.0's ${THEIR_JOINS_PER_SECOND[1]} with one`,
        ratio: rates.at(-1)! / THEIR_JOINS_PER_SECOND[1],
        spread: [
          Math.min(...rates) / THEIR_JOINS_PER_SECOND[1],
          Math.max(...rates) / THEIR_JOINS_PER_SECOND[1],
        ],
        unit: "times",
        note: SIZES.map(
          (size, index) =>
            `${size}: ${rates[index]!.toFixed(0)}/s, ${bySize[index]!.commitsPerJoin.toFixed(3)} commits a join`,
        ).join("; "),
      },
    ];
  } finally {
    closeConnections();
    for (const pid of lab.pids) {
      try {
        process.kill(pid, "SIGTERM");
      } catch {
        // It is gone already.
      }
    }
    await runToEnd(daosctl("lab", "down", "--dir", lab.dir, "--purge"));
    fs.rmSync(path.dirname(lab.dir), { recursive: true, force: true });
  }
}
