/** A client of the agent in the manner of libdaos: a connection per call, sequence 1, messages as bodies. */
import path from "node:path";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { callDrpc } from "../../src/drpc/client.ts";
import { DrpcModule, MgmtMethod, SecAgentMethod } from "../../src/drpc/methods.ts";
import {
  ClientTelemetryReqSchema,
  type ClientTelemetryResp,
  ClientTelemetryRespSchema,
  GetAttachInfoReqSchema,
  type GetAttachInfoResp,
  GetAttachInfoRespSchema,
  PoolMonitorReqSchema,
} from "../../src/gen/mgmt/svc_pb.ts";
import { type GetCredResp, GetCredRespSchema } from "../../src/gen/security/auth_pb.ts";

export interface AgentClient {
  readonly socketPath: string;
  getAttachInfo(request?: MessageInitShape<typeof GetAttachInfoReqSchema>): Promise<GetAttachInfoResp>;
  requestCredentials(): Promise<GetCredResp>;
  poolConnected(poolUUID: string, poolHandleUUID: string): Promise<void>;
  poolDisconnected(poolUUID: string, poolHandleUUID: string): Promise<void>;
  notifyExit(): Promise<void>;
  setupTelemetry(jobid: string, shmKey: number): Promise<ClientTelemetryResp>;
  /** A call of any method, body in and out. */
  call(module: number, method: number, body?: Uint8Array): Promise<Uint8Array>;
}

/** @param runtimeDir the agent's runtime_dir, where daos_agent.sock is */
export function agentClient(runtimeDir: string, timeoutMs = 20_000): AgentClient {
  const socketPath = path.join(runtimeDir, "daos_agent.sock");
  const call: AgentClient["call"] = (module, method, body = new Uint8Array(0)) =>
    callDrpc(socketPath, module, method, body, { timeoutMs });
  const notice = async (method: number, poolUUID: string, poolHandleUUID: string) => {
    const body = create(PoolMonitorReqSchema, { sys: "daos_server", poolUUID, poolHandleUUID, jobid: "" });
    await call(DrpcModule.MGMT, method, toBinary(PoolMonitorReqSchema, body));
  };
  return {
    socketPath,
    call,
    async getAttachInfo(request = { sys: "daos_server", allRanks: true }) {
      const body = toBinary(GetAttachInfoReqSchema, create(GetAttachInfoReqSchema, request));
      return fromBinary(
        GetAttachInfoRespSchema,
        await call(DrpcModule.MGMT, MgmtMethod.GET_ATTACH_INFO, body),
      );
    },
    async requestCredentials() {
      return fromBinary(GetCredRespSchema, await call(DrpcModule.SEC_AGENT, SecAgentMethod.REQUEST_CREDS));
    },
    poolConnected: (pool, handle) => notice(MgmtMethod.NOTIFY_POOL_CONNECT, pool, handle),
    poolDisconnected: (pool, handle) => notice(MgmtMethod.NOTIFY_POOL_DISCONNECT, pool, handle),
    async notifyExit() {
      await call(DrpcModule.MGMT, MgmtMethod.NOTIFY_EXIT);
    },
    async setupTelemetry(jobid, shmKey) {
      const body = create(ClientTelemetryReqSchema, { sys: "daos_server", jobid, shmKey });
      const answer = await call(
        DrpcModule.MGMT,
        MgmtMethod.SETUP_CLIENT_TELEM,
        toBinary(ClientTelemetryReqSchema, body),
      );
      return fromBinary(ClientTelemetryRespSchema, answer);
    },
  };
}
