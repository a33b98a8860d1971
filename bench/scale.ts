/**
 * The management service with a simulated system of many ranks: one real leader, and a server for each two
 * ranks, all over real gRPC connections in this one process. What a rank costs must not grow with their
 * number: each row compares the cost for each of 2,048 ranks with that for each of 128.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { callUnary, closeConnections } from "../src/client/transport.ts";
import { MgmtMethod } from "../src/drpc/methods.ts";
import type { EngineHarness } from "../src/engine/types.ts";
import { CtlSvc } from "../src/gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../src/gen/mgmt/mgmt_pb.ts";
import { GroupUpdateReqSchema } from "../src/gen/mgmt/svc_pb.ts";
import { silentLogger } from "../src/log/logger.ts";
import { createManagement, createPeers, type Management } from "../src/services/management/index.ts";
import type { ServiceImpl } from "../src/services/method.ts";
import { type RpcServer, rpcService, serveRpc } from "../src/services/serve.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";
import { nilRank } from "../src/system/ranks.ts";
import { type BenchRow, median } from "./report.ts";

const SIZES = [128, 512, 2048];
const RANKS_PER_HOST = 2;
const ROUNDS = 5;
const SYS = "daos_server-2.6.0";

const security = { insecure: true } as const;

function call<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  host: string,
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  return callUnary(method, host, request, { security, component: "server", timeoutMs: 60_000 });
}

/** An engine that takes group maps and does nothing else. */
function mapTakingEngine(): { readonly harness: EngineHarness; ranksTold(): number } {
  let told = 0;
  const harness: EngineHarness = {
    instances: [],
    isStarted: () => true,
    async callDrpc(method, body) {
      if (method === MgmtMethod.GROUP_UPDATE) told = fromBinary(GroupUpdateReqSchema, body).engines.length;
      return new Uint8Array();
    },
  };
  return { harness, ranksTold: () => told };
}

/** A server that stops its ranks by saying so. Which they are it learns when they have joined. */
interface Host {
  readonly server: RpcServer;
  readonly addr: string;
  readonly ranks: number[];
}

async function startHost(management?: Management): Promise<Host> {
  const ranks: number[] = [];
  const answer = (state: string) => ({
    roles: ["server"] as const,
    handle: () => ({ results: ranks.map((rank) => ({ rank, state })) }),
  });
  const control: ServiceImpl<typeof CtlSvc> = {
    prepShutdownRanks: answer("stopping"),
    stopRanks: answer("stopped"),
  };
  const server = await serveRpc({
    services: [
      rpcService(CtlSvc, control),
      ...(management === undefined ? [] : [rpcService(MgmtSvc, management.service)]),
    ],
    transport: security,
    listen: [{ host: "127.0.0.1", port: 0 }],
    systemName: "daos_server",
    log: silentLogger,
    component: "server",
  });
  return { server, addr: `127.0.0.1:${server.port}`, ranks };
}

interface Costs {
  readonly joinMs: number;
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

async function joinAll(hosts: readonly Host[], leader: string): Promise<void> {
  const join = async (host: Host, idx: number, number: number): Promise<void> => {
    const uuid = `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
    const { rank } = await call(MgmtSvc.method.join, leader, {
      sys: SYS,
      uuid,
      rank: nilRank,
      addr: host.addr,
      uri: `ofi+tcp://${host.addr.split(":")[0]}:${30_000 + idx}`,
      nctxs: 18,
      srvFaultDomain: `/host${number >> 1}`,
      idx,
      incarnation: BigInt(number),
    });
    host.ranks.push(rank);
  };
  await Promise.all(
    hosts.flatMap((host, n) =>
      Array.from({ length: RANKS_PER_HOST }, (_, idx) => join(host, idx, n * RANKS_PER_HOST + idx)),
    ),
  );
}

async function measure(rankCount: number): Promise<Costs> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "bench-scale-"));
  const engine = mapTakingEngine();
  const replicas: string[] = [];
  const deps = {
    systemName: "daos_server",
    version: "2.6.0",
    replicas,
    selfAddr: "",
    hostname: "bench",
    harness: engine.harness,
    log: silentLogger,
    openStore: (folder: string) => openSqliteStore({ dir: folder, addr: deps.selfAddr }),
    peers: createPeers({ security, component: "server", sys: SYS }),
    clientNetHints: [{ provider: "ofi+tcp" }],
    engine: { targetCount: 16, hasNvme: true, hasMetaRole: false },
    now: () => new Date(),
  };
  const management = createManagement(deps);
  const first = await startHost(management);
  deps.selfAddr = first.addr;
  replicas.push(first.addr);
  await management.start({ dir: path.join(dir, "db") });
  const others = Array.from({ length: rankCount / RANKS_PER_HOST - 1 }, () => startHost());
  const hosts = [first, ...(await Promise.all(others))];
  try {
    await call(MgmtSvc.method.leaderQuery, first.addr, { sys: SYS });
    const start = performance.now();
    await joinAll(hosts, first.addr);
    while (engine.ranksTold() < rankCount) await new Promise((resolve) => setImmediate(resolve));
    const joinMs = performance.now() - start;
    const queryMs = await medianMs(() => call(MgmtSvc.method.systemQuery, first.addr, { sys: SYS }));
    const attachMs = await medianMs(() =>
      call(MgmtSvc.method.getAttachInfo, first.addr, { sys: SYS, allRanks: true }),
    );
    // Once to make the connections, which a leader keeps.
    await call(MgmtSvc.method.systemStop, first.addr, { sys: SYS });
    const stopMs = await medianMs(() => call(MgmtSvc.method.systemStop, first.addr, { sys: SYS }));
    return { joinMs, queryMs, attachMs, stopMs };
  } finally {
    closeConnections();
    await management.stop();
    await Promise.all(hosts.map(({ server }) => server.close(0)));
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

const LABELS: Record<keyof Costs, string> = {
  joinMs: "joins, each durable, and the group map told",
  queryMs: "SystemQuery of all ranks",
  attachMs: "GetAttachInfo of all ranks",
  stopMs: "SystemStop: two calls to each server",
};

export async function run(): Promise<BenchRow[]> {
  const bySize = new Map<number, Costs>();
  for (const size of SIZES) bySize.set(size, await measure(size));
  const smallest = SIZES[0]!;
  return (Object.keys(LABELS) as (keyof Costs)[]).map((kind) => {
    const perRank = SIZES.map((size) => bySize.get(size)![kind] / size);
    const ratios = perRank.map((cost) => cost / perRank[0]!);
    const figures = SIZES.map((size) => `${size}: ${bySize.get(size)![kind].toFixed(1)} ms`).join(", ");
    return {
      name: `scale: ${LABELS[kind]}, cost a rank at ${SIZES.at(-1)} over ${smallest}`,
      ratio: ratios.at(-1)!,
      spread: [Math.min(...ratios.slice(1)), Math.max(...ratios.slice(1))],
      unit: "times",
      note: figures,
    };
  });
}
