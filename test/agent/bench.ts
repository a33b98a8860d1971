/** A real agent process and a small management service for it, over real sockets. */
import fs from "node:fs";
import path from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import type { PoolEvictReq } from "../../src/gen/mgmt/pool_pb.ts";
import type { GetAttachInfoRespSchema } from "../../src/gen/mgmt/svc_pb.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { type CertificateFiles, makeCertificates } from "../../src/security/certificates.ts";
import { loadTransportSecurity } from "../../src/security/tls.ts";
import { type RpcServer, rpcService, serveRpc } from "../../src/services/serve.ts";
import { type AgentClient, agentClient } from "../support/agent-client.ts";
import { daosctl } from "../support/daosctl.ts";
import { waitFor } from "../support/wait.ts";

export type AttachInfo = MessageInitShape<typeof GetAttachInfoRespSchema>;

/** Two ranks on loopback, as a lab has them. */
export const loopbackInfo: AttachInfo = {
  sys: "daos_server",
  rankUris: [
    { rank: 0, uri: "ofi+tcp://127.0.0.1:31416", numCtxs: 3 },
    { rank: 1, uri: "ofi+tcp://127.0.0.1:31516", numCtxs: 3 },
  ],
  msRanks: [0],
  dataVersion: 7n,
  clientNetHint: { provider: "ofi+tcp", netDevClass: 772, crtTimeout: 10, srvSrxSet: 1, envVars: ["K=V"] },
};

export interface ManagementPeer {
  readonly port: number;
  /** Callers of GetAttachInfo so far, with their `sys` field. */
  readonly asked: string[];
  readonly evicted: PoolEvictReq[];
  readonly cleaned: string[];
  /** What GetAttachInfo answers; throws what it is given as a function. */
  answer: AttachInfo | (() => AttachInfo | Promise<AttachInfo>);
  close(): Promise<void>;
}

/** A management service that only agents call. Port 0: a free one. */
export async function startManagement(certs?: CertificateFiles, port = 0): Promise<ManagementPeer> {
  const asked: string[] = [];
  const evicted: PoolEvictReq[] = [];
  const cleaned: string[] = [];
  const transport =
    certs === undefined
      ? ({ insecure: true } as const)
      : await loadTransportSecurity(
          { allowInsecure: false, caCert: certs.caCert, cert: certs.cert.server, key: certs.key.server },
          "server",
        );
  const peer = { answer: loopbackInfo as ManagementPeer["answer"] };
  const server: RpcServer = await serveRpc({
    services: [
      rpcService(MgmtSvc, {
        getAttachInfo: {
          roles: ["agent"],
          handle: async ({ sys, allRanks }) => {
            asked.push(`${sys} ${allRanks}`);
            return typeof peer.answer === "function" ? await peer.answer() : peer.answer;
          },
        },
        poolEvict: {
          roles: ["agent"],
          handle: (request) => {
            evicted.push(request);
            return { count: request.handles.length };
          },
        },
        systemCleanup: {
          roles: ["agent"],
          handle: ({ machine }) => {
            cleaned.push(machine);
            return { results: [{ poolId: "tank", count: 3 }] };
          },
        },
      }),
    ],
    transport,
    listen: [{ host: "127.0.0.1", port }],
    systemName: "daos_server",
    log: silentLogger,
    component: "server",
  });
  return Object.assign(peer, { port: server.port, asked, evicted, cleaned, close: () => server.close(200) });
}

export interface RunningAgent extends AgentClient {
  readonly pid: number;
  /** All it has logged. */
  log(): string;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit status. */
  readonly exited: Promise<number>;
}

export interface AgentStart {
  readonly folder: string;
  readonly port: number;
  /** System name, by default daos_server. */
  readonly name?: string;
  readonly certs?: CertificateFiles;
  /** More lines of daos_agent.yml; without any, loopback is named there and nothing is scanned. */
  readonly yaml?: string;
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
}

const LOOPBACK = "fabric_ifaces: [{numa_node: 0, devices: [{iface: lo, domain: lo}]}]\n";

/** Starts an agent; resolves when it listens. */
export async function startAgent(start: AgentStart): Promise<RunningAgent> {
  const runtimeDir = path.join(start.folder, "run");
  const logFile = path.join(start.folder, "agent.log");
  const config = path.join(start.folder, "daos_agent.yml");
  const { certs } = start;
  const transport =
    certs === undefined
      ? "  allow_insecure: true\n"
      : `  ca_cert: ${certs.caCert}\n  cert: ${certs.cert.agent}\n  key: ${certs.key.agent}\n`;
  fs.writeFileSync(
    config,
    `name: ${start.name ?? "daos_server"}\naccess_points: ["127.0.0.1:${start.port}"]\nport: ${start.port}\n` +
      `runtime_dir: ${runtimeDir}\nlog_file: ${logFile}\ncontrol_log_mask: DEBUG\n` +
      `transport_config:\n${transport}${start.yaml ?? LOOPBACK}`,
  );
  const child = Bun.spawn(daosctl("agent", "start", "-o", config, ...(start.args ?? [])), {
    stdout: "ignore",
    stderr: "inherit",
    env: { PATH: process.env["PATH"] ?? "", ...start.env },
  });
  const log = () => (fs.existsSync(logFile) ? fs.readFileSync(logFile, "utf8") : "");
  const agent: RunningAgent = {
    ...agentClient(runtimeDir),
    pid: child.pid,
    log,
    signal: (name) => child.kill(name),
    exited: child.exited,
  };
  const ended = child.exited.then((status) => {
    throw new Error(`the agent ended with ${status}: ${log()}`);
  });
  const listening = waitFor("the agent to listen", () =>
    log().includes(`(pid ${child.pid}) listening on ${agent.socketPath}`),
  );
  await Promise.race([listening, ended]);
  ended.catch(() => {});
  return agent;
}

export async function testCertificates(folder: string): Promise<CertificateFiles> {
  return makeCertificates(folder, { days: 2 });
}
