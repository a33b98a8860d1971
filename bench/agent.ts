/** The agent in a process of its own, against a process that gives packets back without looking at them. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { encodeCall } from "../src/drpc/frames.ts";
import { DrpcModule, MgmtMethod, SecAgentMethod } from "../src/drpc/methods.ts";
import { connectSeqpacket, type PacketSocket } from "../src/drpc/seqpacket.ts";
import { GetAttachInfoReqSchema } from "../src/gen/mgmt/svc_pb.ts";
import { type RunningAgent, startAgent, startManagement, testCertificates } from "../test/agent/bench.ts";
import { type BenchRow, ratioRow } from "./report.ts";

const ROUNDS = 7;
const CALLS = 3000;
const UNCACHED_CALLS = 300;
const MEMORY_CALLS = 100_000;
const CLOCK_TICKS = 100; // USER_HZ of every Linux DAOS runs on

interface Round {
  readonly elapsedMs: number;
  readonly latenciesMs: readonly number[];
  readonly cpuMs: number;
}

interface Subject {
  readonly pid: number;
  readonly socketPath: string;
}

function cpuMs(pid: number): number {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS;
}

const rssMib = (pid: number) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

interface Caller {
  call(packet: Uint8Array): Promise<void>;
  close(): void;
}

async function connect(socketPath: string): Promise<Caller> {
  let answered: (() => void) | undefined;
  let failed: ((error: Error) => void) | undefined;
  const handlers = {
    onPacket: () => answered?.(),
    onClose: () => failed?.(new Error("the peer hung up")),
  };
  const socket: PacketSocket = await connectSeqpacket(socketPath, handlers, performance.now() + 10_000);
  return {
    call(packet) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      answered = resolve;
      failed = reject;
      if (!socket.trySend(packet)) throw new Error("one packet at a time always has room");
      return promise;
    },
    close() {
      failed = undefined;
      socket.terminate();
    },
  };
}

/** `calls` calls by `clients` at once; `kept`: on one connection each, else on a new one for every call. */
async function round(
  { pid, socketPath }: Subject,
  packet: Uint8Array,
  calls: number,
  clients: number,
  kept: boolean,
): Promise<Round> {
  const latenciesMs: number[] = [];
  const cpuBefore = cpuMs(pid);
  const start = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      let caller = kept ? await connect(socketPath) : undefined;
      for (let n = 0; n < calls / clients; n++) {
        const at = performance.now();
        const used = caller ?? (await connect(socketPath));
        await used.call(packet);
        latenciesMs.push(performance.now() - at);
        if (!kept) used.close();
      }
      caller?.close();
      caller = undefined;
    }),
  );
  return { elapsedMs: performance.now() - start, latenciesMs, cpuMs: cpuMs(pid) - cpuBefore };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

function describe(name: string, rounds: readonly Round[], bare: readonly Round[], calls: number): BenchRow {
  const row = ratioRow(
    name,
    rounds.map((one) => one.elapsedMs),
    bare.map((one) => one.elapsedMs),
  );
  const latencies = rounds.flatMap((one) => one.latenciesMs);
  const elapsed = rounds.reduce((sum, one) => sum + one.elapsedMs, 0);
  const cpu = rounds.reduce((sum, one) => sum + one.cpuMs, 0) / (rounds.length * calls);
  const perSecond = Math.round((rounds.length * calls * 1000) / elapsed);
  const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
  const note = `${perSecond} calls/s, p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} ms, ${Math.round(cpu * 1000)} us CPU a call`;
  return { ...row, note };
}

async function startEcho(socketPath: string): Promise<Subject & { stop(): Promise<void> }> {
  const script = path.join(import.meta.dir, "agent-echo.ts");
  const child = Bun.spawn([process.execPath, script, socketPath], { stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  if ((await reader.read()).done) throw new Error("the echo did not start");
  return {
    pid: child.pid,
    socketPath,
    async stop() {
      child.kill();
      await child.exited;
    },
  };
}

const attachPacket = () =>
  encodeCall(
    DrpcModule.MGMT,
    MgmtMethod.GET_ATTACH_INFO,
    1n,
    toBinary(GetAttachInfoReqSchema, create(GetAttachInfoReqSchema, { sys: "daos_server", allRanks: true })),
  );
const credentialPacket = () =>
  encodeCall(DrpcModule.SEC_AGENT, SecAgentMethod.REQUEST_CREDS, 1n, new Uint8Array(0));

export async function run(): Promise<BenchRow[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-agent-"));
  const at = (name: string) => {
    fs.mkdirSync(path.join(folder, name));
    return path.join(folder, name);
  };
  const certs = await testCertificates(at("certs"));
  const management = await startManagement(certs);
  const echo = await startEcho(path.join(folder, "echo.sock"));
  const quiet = { port: management.port, certs } as const;
  const agents: RunningAgent[] = [];
  const rows: BenchRow[] = [];
  try {
    const cached = await startAgent({ folder: at("cached"), ...quiet });
    const uncached = await startAgent({
      folder: at("uncached"),
      ...quiet,
      env: { DAOS_AGENT_DISABLE_CACHE: "true" },
    });
    agents.push(cached, uncached);
    const compare = async (
      name: string,
      agent: RunningAgent,
      packet: Uint8Array,
      calls: number,
      clients: number,
      kept: boolean,
    ) => {
      const measured: Round[] = [];
      const bare: Round[] = [];
      for (let n = -1; n < ROUNDS; n++) {
        const pair = [
          await round(agent, packet, calls, clients, kept),
          await round(echo, packet, calls, clients, kept),
        ] as const;
        if (n < 0) continue; // warms up
        measured.push(pair[0]);
        bare.push(pair[1]);
      }
      rows.push(describe(`agent: ${name}, to bare packets`, measured, bare, calls));
    };
    const attach = attachPacket();
    const creds = credentialPacket();
    await compare("GetAttachInfo cached, connection kept", cached, attach, CALLS, 1, true);
    await compare("GetAttachInfo cached, 16 clients", cached, attach, CALLS, 16, true);
    await compare("GetAttachInfo cached, connection per call", cached, attach, CALLS, 1, false);
    await compare("credentials cached, connection kept", cached, creds, CALLS, 1, true);
    await compare("credentials cached, connection per call", cached, creds, CALLS, 1, false);
    await compare("GetAttachInfo not cached", uncached, attach, UNCACHED_CALLS, 1, true);
    rows.push(await memory(cached, attach));
  } finally {
    for (const agent of agents) {
      agent.signal("SIGTERM");
      await agent.exited;
    }
    await echo.stop();
    await management.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}

/** Memory over many calls: the mean of the second half to that of the first, after a warm-up. */
async function memory(agent: RunningAgent, packet: Uint8Array): Promise<BenchRow> {
  const sizes: number[] = [];
  const parts = 10;
  await round(agent, packet, MEMORY_CALLS / parts, 16, false);
  for (let n = 0; n < parts; n++) {
    await round(agent, packet, MEMORY_CALLS / parts, 16, false);
    sizes.push(rssMib(agent.pid));
  }
  const mean = (list: readonly number[]) => list.reduce((sum, size) => sum + size, 0) / list.length;
  const first = mean(sizes.slice(0, parts / 2));
  const second = mean(sizes.slice(parts / 2));
  return {
    name: `agent: memory over ${MEMORY_CALLS} calls, second half to first`,
    ratio: second / first,
    spread: [Math.min(...sizes) / first, Math.max(...sizes) / first],
    unit: "times",
    note: `${first.toFixed(0)} MiB, then ${second.toFixed(0)} MiB`,
  };
}
