/** Unary calls: serveRpc with its whole chain, and callUnary, each against bare node:http2. */
import http2, { type ClientHttp2Session } from "node:http2";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { encodeFrame } from "../src/client/grpc.ts";
import { callUnary, closeConnections } from "../src/client/transport.ts";
import { MgmtSvc } from "../src/gen/mgmt/mgmt_pb.ts";
import { LeaderQueryReqSchema } from "../src/gen/mgmt/svc_pb.ts";
import { insecureTransport } from "../src/security/tls.ts";
import { type BenchRow, median } from "./report.ts";

const rounds = 9;
const callsPerRound = 6000;
const inFlight = 16;

const request = { sys: "daos_server-2.6.0" };
const frame = encodeFrame(toBinary(LeaderQueryReqSchema, create(LeaderQueryReqSchema, request)));
const headers = {
  ":method": "POST",
  ":path": "/mgmt.MgmtSvc/LeaderQuery",
  te: "trailers",
  "content-type": "application/grpc",
  "x-daos-component": "admin",
  "x-daos-version": "2.6.0",
  "grpc-timeout": "5000m",
};

/** One call of the bare client. @throws Error when the status is not 0 */
function bareCall(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    let status: unknown;
    stream.on("trailers", (trailers) => {
      status = trailers["grpc-status"];
    });
    stream.on("data", () => {});
    stream.on("error", reject);
    stream.on("close", () =>
      status === "0" ? resolve() : reject(new Error(`grpc-status ${String(status)}`)),
    );
    stream.end(frame);
  });
}

async function load(call: () => Promise<unknown>): Promise<void> {
  let left = callsPerRound;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

interface ServerProcess {
  readonly port: number;
  cpuMicros(): Promise<number>;
  stop(): void;
}

async function startServer(kind: "bare" | "full"): Promise<ServerProcess> {
  const child = Bun.spawn([process.execPath, "run", join(import.meta.dirname, "rpc-server.ts"), kind], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const nextNumber = async (): Promise<number> => Number((await lines.read()).value);
  return {
    port: await nextNumber(),
    cpuMicros: async () => {
      child.stdin.write("cpu\n");
      child.stdin.flush();
      return nextNumber();
    },
    stop: () => child.kill(),
  };
}

interface Sample {
  readonly callsPerSecond: number;
  readonly serverMicros: number;
  readonly clientMicros: number;
}

async function measure(server: ServerProcess, call: () => Promise<unknown>): Promise<Sample> {
  const serverBefore = await server.cpuMicros();
  const clientBefore = process.cpuUsage();
  const startMs = performance.now();
  await load(call);
  const seconds = (performance.now() - startMs) / 1000;
  const client = process.cpuUsage(clientBefore);
  return {
    callsPerSecond: callsPerRound / seconds,
    serverMicros: ((await server.cpuMicros()) - serverBefore) / callsPerRound,
    clientMicros: (client.user + client.system) / callsPerRound,
  };
}

export async function run(): Promise<BenchRow[]> {
  const [bare, full] = await Promise.all([startServer("bare"), startServer("full")]);
  const sessions = new Map(
    [bare, full].map((server) => [server, http2.connect(`http://127.0.0.1:${server.port}`)]),
  );
  const options = { security: insecureTransport, timeoutMs: 5000, component: "admin" } as const;
  const cases = {
    bare: { server: bare, call: () => bareCall(sessions.get(bare)!) },
    full: { server: full, call: () => bareCall(sessions.get(full)!) },
    client: {
      server: bare,
      call: () => callUnary(MgmtSvc.method.leaderQuery, `127.0.0.1:${bare.port}`, request, options),
    },
  };
  const samples: Record<keyof typeof cases, Sample[]> = { bare: [], full: [], client: [] };
  try {
    // The first round warms up and does not count.
    for (let round = 0; round <= rounds; round++) {
      for (const name of ["bare", "full", "client"] as const) {
        const { server, call } = cases[name];
        const sample = await measure(server, call);
        if (round > 0) samples[name].push(sample);
      }
    }
  } finally {
    for (const session of sessions.values()) session.destroy();
    closeConnections();
    bare.stop();
    full.stop();
  }
  return [
    row("rpc: calls through the whole chain", "of", samples.full, samples.bare, "callsPerSecond", "calls/s"),
    row(
      "rpc: server CPU through the whole chain",
      "times",
      samples.full,
      samples.bare,
      "serverMicros",
      "µs a call",
    ),
    row("rpc: client CPU of callUnary", "times", samples.client, samples.bare, "clientMicros", "µs a call"),
  ];
}

function row(
  name: string,
  unit: string,
  measured: readonly Sample[],
  baseline: readonly Sample[],
  figure: keyof Sample,
  what: string,
): BenchRow {
  const values = measured.map((sample) => sample[figure]);
  const base = median(baseline.map((sample) => sample[figure]));
  const ratios = values.map((value) => value / base);
  return {
    name,
    unit,
    ratio: median(values) / base,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    note: `${median(values).toFixed(0)} ${what} against ${base.toFixed(0)} of bare node:http2, ${inFlight} in flight, ${rounds} rounds`,
  };
}
