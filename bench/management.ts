/** The leader of management-process.ts, from the side of those who call it. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { callUnary } from "../src/client/transport.ts";
import { MgmtSvc } from "../src/gen/mgmt/mgmt_pb.ts";
import type { TransportSecurity } from "../src/security/tls.ts";
import { nilRank } from "../src/system/ranks.ts";

export const systemName = "daos_server-2.6.0";

/** What the leader has done since it began. */
export interface Counters {
  readonly commits: number;
  readonly groupMaps: number;
  readonly groupMapBytes: number;
  /** In the last group map. */
  readonly ranksTold: number;
  readonly cpuMs: number;
}

export interface ManagementProcess {
  readonly port: number;
  readonly addr: string;
  counters(): Promise<Counters>;
  stop(): Promise<void>;
}

export interface ManagementOptions {
  /** dRPC socket of an engine; without one group maps are taken and all else is answered by nothing. */
  readonly engineSocket?: string;
  /** Folder of daosCA.crt, server.crt and server.key: mutual TLS. */
  readonly certificates?: string | undefined;
}

export async function startManagement(options: ManagementOptions = {}): Promise<ManagementProcess> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-management-"));
  const { engineSocket = "", certificates = "" } = options;
  const script = path.join(import.meta.dirname, "management-process.ts");
  const child = Bun.spawn([process.execPath, "run", script, folder, engineSocket, certificates], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = Number((await lines.read()).value);
  return {
    port,
    addr: `127.0.0.1:${port}`,
    async counters() {
      child.stdin.write("\n");
      child.stdin.flush();
      return JSON.parse((await lines.read()).value ?? "") as Counters;
    },
    async stop() {
      child.kill();
      await child.exited;
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The first join of engine `number` of the system, on the server at `addr`. Gives its rank. */
export async function joinRank(
  leader: Pick<ManagementProcess, "addr">,
  number: number,
  addr: string,
  security: TransportSecurity,
): Promise<number> {
  const { rank } = await callUnary(
    MgmtSvc.method.join,
    leader.addr,
    {
      sys: systemName,
      uuid: `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`,
      rank: nilRank,
      addr,
      uri: `ofi+tcp://${addr.split(":")[0]}:${30_000 + (number % 2)}`,
      nctxs: 18,
      srvFaultDomain: `/host${number >> 1}`,
      idx: number % 2,
      incarnation: BigInt(number),
    },
    { security, component: "server", timeoutMs: 60_000 },
  );
  return rank;
}
