/**
 * A system of up to 1,024 servers with two ranks each: one real leader in a process of its own, and in this
 * one a server for each two ranks at an address of its own, all over real gRPC, with and without mutual TLS.
 * What a rank costs must not grow with their number: each row compares the cost for each of 2,048 ranks with
 * that for each of 128. The milliseconds are in the note, 2.6.0's in the name.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { callUnary, closeConnections } from "../src/client/transport.ts";
import { CtlSvc } from "../src/gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../src/gen/mgmt/mgmt_pb.ts";
import { silentLogger } from "../src/log/logger.ts";
import { makeCertificates } from "../src/security/certificates.ts";
import { insecureTransport, loadTransportSecurity, type TransportSecurity } from "../src/security/tls.ts";
import type { ServiceImpl } from "../src/services/method.ts";
import { type RpcServer, rpcService, serveRpc } from "../src/services/serve.ts";
import {
  type Counters,
  joinRank,
  type ManagementProcess,
  startManagement,
  systemName,
} from "./management.ts";
import { type BenchRow, median } from "./report.ts";

const SIZES = [128, 512, 2048];
const RANKS_PER_HOST = 2;
const ROUNDS = 7;

/** Whose certificates are used. Without mutual TLS all are the same. */
interface Wire {
  readonly name: string;
  readonly server: TransportSecurity;
  readonly admin: TransportSecurity;
  readonly agent: TransportSecurity;
  readonly certificates?: string;
}

/** A server that stops its ranks by saying so. Which they are it learns when they have joined. */
interface Host {
  readonly server: RpcServer;
  readonly addr: string;
  readonly ranks: number[];
}

async function startHost(index: number, transport: TransportSecurity): Promise<Host> {
  const ranks: number[] = [];
  const answer = (state: string) => ({
    roles: ["server"] as const,
    handle: () => ({ results: ranks.map((rank) => ({ rank, state })) }),
  });
  const control: ServiceImpl<typeof CtlSvc> = {
    prepShutdownRanks: answer("stopping"),
    stopRanks: answer("stopped"),
  };
  // All of 127/8 is this machine.
  const host = `127.1.${index >> 7}.${(index & 0x7f) + 1}`;
  const server = await serveRpc({
    services: [rpcService(CtlSvc, control)],
    transport,
    listen: [{ host, port: 0 }],
    systemName: "daos_server",
    log: silentLogger,
    component: "server",
  });
  return { server, addr: `${host}:${server.port}`, ranks };
}

interface Costs {
  readonly joinMs: number;
  readonly mapMs: number;
  readonly queryMs: number;
  readonly attachMs: number;
  readonly stopMs: number;
}

async function medianMs(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return median(times);
}

async function joinAll(hosts: readonly Host[], leader: ManagementProcess, wire: Wire): Promise<void> {
  await Promise.all(
    hosts.flatMap((host, n) =>
      Array.from({ length: RANKS_PER_HOST }, async (_, idx) => {
        host.ranks.push(await joinRank(leader, n * RANKS_PER_HOST + idx, host.addr, wire.server));
      }),
    ),
  );
}

/** Waits until the engine has been told of all ranks. */
async function told(leader: ManagementProcess, rankCount: number): Promise<Counters> {
  for (;;) {
    const counters = await leader.counters();
    if (counters.ranksTold >= rankCount) return counters;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function measure(rankCount: number, wire: Wire): Promise<Costs & { readonly counters: Counters }> {
  const leader = await startManagement({ certificates: wire.certificates });
  const call = <I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    security = wire.admin,
    component: "admin" | "agent" | "server" = "admin",
  ): Promise<MessageShape<O>> =>
    callUnary(method, leader.addr, request, { security, component, timeoutMs: 60_000 });
  const hosts = await Promise.all(
    Array.from({ length: rankCount / RANKS_PER_HOST }, (_, index) => startHost(index, wire.server)),
  );
  try {
    await call(MgmtSvc.method.leaderQuery, { sys: systemName });
    const start = performance.now();
    await joinAll(hosts, leader, wire);
    const joinMs = performance.now() - start;
    const counters = await told(leader, rankCount);
    const mapMs = performance.now() - start - joinMs;
    const queryMs = await medianMs(() => call(MgmtSvc.method.systemQuery, { sys: systemName }));
    const attachMs = await medianMs(() =>
      call(MgmtSvc.method.getAttachInfo, { sys: systemName, allRanks: true }, wire.agent, "agent"),
    );
    // Once to make the connections, which a leader keeps.
    await call(MgmtSvc.method.systemStop, { sys: systemName });
    const stopMs = await medianMs(() => call(MgmtSvc.method.systemStop, { sys: systemName }));
    return { joinMs, mapMs, queryMs, attachMs, stopMs, counters };
  } finally {
    closeConnections();
    await leader.stop();
    await Promise.all(hosts.map(({ server }) => server.close(0)));
  }
}

const LABELS: Record<keyof Costs, string> = {
  joinMs: "joins, each durable (2.6.0: 5600 ms)",
  mapMs: "from the last join to the engine having the group map",
  queryMs: "SystemQuery of all ranks (2.6.0: 39 ms)",
  attachMs: "GetAttachInfo of all ranks (2.6.0: 85 ms)",
  stopMs: "SystemStop: two calls to each server",
};

function rows(wire: Wire, bySize: ReadonlyMap<number, Costs & { readonly counters: Counters }>): BenchRow[] {
  const found = (Object.keys(LABELS) as (keyof Costs)[]).map((kind) => {
    const perRank = SIZES.map((size) => bySize.get(size)![kind] / size);
    const ratios = perRank.map((cost) => cost / perRank[0]!);
    const figures = SIZES.map((size) => `${size}: ${bySize.get(size)![kind].toFixed(1)} ms`).join(", ");
    return {
      name: `scale, ${wire.name}: ${LABELS[kind]}, cost a rank at ${SIZES.at(-1)} over ${SIZES[0]}`,
      ratio: ratios.at(-1)!,
      spread: [Math.min(...ratios.slice(1)), Math.max(...ratios.slice(1))] as const,
      unit: "times",
      note: figures,
    };
  });
  const counted = SIZES.map((size) => {
    const { counters } = bySize.get(size)!;
    return { size, commits: counters.commits / size, maps: counters.groupMaps };
  });
  const share = counted.map(({ commits }) => commits / counted[0]!.commits);
  return [
    ...found,
    {
      name: `scale, ${wire.name}: commits a join at ${SIZES.at(-1)} over ${SIZES[0]}`,
      ratio: share.at(-1)!,
      spread: [Math.min(...share.slice(1)), Math.max(...share.slice(1))],
      unit: "times",
      note: counted
        .map(({ size, commits, maps }) => `${size}: ${commits.toFixed(3)}, ${maps} group maps`)
        .join("; "),
    },
  ];
}

async function wires(folder: string): Promise<Wire[]> {
  const { certDir, files } = await certificates(folder);
  const load = (role: "server" | "admin" | "agent") =>
    loadTransportSecurity(
      {
        allowInsecure: false,
        caCert: files.caCert,
        cert: files.cert[role],
        key: files.key[role],
        clientCertDir: files.clientCertDir,
      },
      role,
    );
  return [
    { name: "insecure", server: insecureTransport, admin: insecureTransport, agent: insecureTransport },
    {
      name: "mutual TLS",
      server: await load("server"),
      admin: await load("admin"),
      agent: await load("agent"),
      certificates: certDir,
    },
  ];
}

async function certificates(folder: string) {
  const files = await makeCertificates(folder);
  return { files, certDir: path.dirname(files.caCert) };
}

export async function run(): Promise<BenchRow[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-scale-"));
  try {
    const found: BenchRow[] = [];
    for (const wire of await wires(folder)) {
      const bySize = new Map<number, Costs & { readonly counters: Counters }>();
      for (const size of SIZES) bySize.set(size, await measure(size, wire));
      found.push(...rows(wire, bySize));
    }
    return found;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
