/** A dRPC server answering an echo method, against a socket that gives packets back without looking at them. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { encodeCall } from "../src/drpc/frames.ts";
import { connectSeqpacket, listenSeqpacket, type PacketSocket } from "../src/drpc/seqpacket.ts";
import { listenDrpc } from "../src/drpc/server.ts";
import { silentLogger } from "../src/log/logger.ts";
import { type BenchRow, ratioRow } from "./report.ts";

const ROUNDS = 9;
const CALLS_PER_ROUND = 5000;
const BODY_BYTES = 200;

interface Caller {
  exchange(packet: Uint8Array): Promise<void>;
  close(): void;
}

async function connect(socketPath: string): Promise<Caller> {
  let answered: (() => void) | undefined;
  const socket: PacketSocket = await connectSeqpacket(
    socketPath,
    { onPacket: () => answered?.(), onClose() {} },
    performance.now() + 5000,
  );
  return {
    exchange(packet) {
      const { promise, resolve } = Promise.withResolvers<void>();
      answered = resolve;
      if (!socket.trySend(packet)) throw new Error("one packet at a time always has room");
      return promise;
    },
    close: () => socket.terminate(),
  };
}

/** Milliseconds for a round of calls, `clients` at a time, each waiting for its answers. */
async function round(socketPath: string, clients: number, packet: Uint8Array): Promise<number> {
  const callers = await Promise.all(Array.from({ length: clients }, () => connect(socketPath)));
  const start = performance.now();
  await Promise.all(
    callers.map(async (caller) => {
      for (let call = 0; call < CALLS_PER_ROUND / clients; call++) await caller.exchange(packet);
    }),
  );
  const elapsed = performance.now() - start;
  for (const caller of callers) caller.close();
  return elapsed;
}

export async function run(): Promise<BenchRow[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-drpc-"));
  const [served, bare] = [path.join(folder, "drpc.sock"), path.join(folder, "bare.sock")];
  const server = await listenDrpc({
    path: served,
    mode: 0o600,
    modules: { 2: { 1: (body) => body } },
    log: silentLogger,
  });
  const echo = await listenSeqpacket(bare, 0o600, (socket) => ({
    onPacket: (packet) => void socket.trySend(packet),
    onClose() {},
  }));
  const packet = encodeCall(2, 1, 1n, new Uint8Array(BODY_BYTES));
  const rows: BenchRow[] = [];
  try {
    for (const clients of [1, 16, 250]) {
      const times: { served: number[]; bare: number[] } = { served: [], bare: [] };
      for (let n = -1; n < ROUNDS; n++) {
        const pair = [await round(served, clients, packet), await round(bare, clients, packet)] as const;
        if (n < 0) continue; // warms up
        times.served.push(pair[0]);
        times.bare.push(pair[1]);
      }
      const name = `dRPC echo of ${BODY_BYTES} bytes, ${clients} at once, to bare packets`;
      rows.push(ratioRow(name, times.served, times.bare));
    }
  } finally {
    await server.close();
    await echo.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}
