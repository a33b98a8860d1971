import { decodeBody } from "../../drpc/body.ts";
import { DrpcModule, MgmtMethod, SecAgentMethod } from "../../drpc/methods.ts";
import { DrpcStatusError, Status } from "../../drpc/status.ts";
import type { DrpcHandler, DrpcModules } from "../../drpc/types.ts";
import { PoolMonitorReqSchema } from "../../gen/mgmt/svc_pb.ts";
import { type GetAttachInfoOptions, getAttachInfoHandler } from "./get-attach-info.ts";
import type { ProcessMonitor } from "./process-monitor.ts";
import type { CredentialRequests } from "./request-credentials.ts";

export interface AgentServiceOptions {
  readonly attachInfo: GetAttachInfoOptions;
  readonly credentials: CredentialRequests;
  readonly setupTelemetry: DrpcHandler;
  readonly monitor: ProcessMonitor;
  readonly isShuttingDown: () => boolean;
}

const nothing = new Uint8Array(0);

/** What libdaos calls on the agent's socket: modules SEC_AGENT and MGMT. */
export function agentModules(options: AgentServiceOptions): DrpcModules {
  const { monitor, isShuttingDown } = options;

  const whileUp =
    (handler: DrpcHandler): DrpcHandler =>
    (body, session) => {
      if (isShuttingDown()) throw new DrpcStatusError(Status.FAILURE, "agent is shutting down");
      return handler(body, session);
    };

  const poolConnected: DrpcHandler = (body, { peer }) => {
    const { poolUUID, poolHandleUUID } = decodeBody(PoolMonitorReqSchema, body);
    monitor.poolConnected(peer.pid, poolUUID, poolHandleUUID);
    return nothing;
  };
  const poolDisconnected: DrpcHandler = (body, { peer }) => {
    const { poolUUID, poolHandleUUID } = decodeBody(PoolMonitorReqSchema, body);
    monitor.poolDisconnected(peer.pid, poolUUID, poolHandleUUID);
    return nothing;
  };
  const exited: DrpcHandler = async (_body, { peer }) => {
    await monitor.exited(peer.pid);
    return nothing;
  };

  return {
    [DrpcModule.SEC_AGENT]: {
      [SecAgentMethod.REQUEST_CREDS]: options.credentials.handle,
    },
    [DrpcModule.MGMT]: {
      [MgmtMethod.GET_ATTACH_INFO]: whileUp(getAttachInfoHandler(options.attachInfo)),
      [MgmtMethod.SETUP_CLIENT_TELEM]: whileUp(options.setupTelemetry),
      [MgmtMethod.NOTIFY_POOL_CONNECT]: whileUp(poolConnected),
      [MgmtMethod.NOTIFY_POOL_DISCONNECT]: whileUp(poolDisconnected),
      [MgmtMethod.NOTIFY_EXIT]: whileUp(exited),
    },
  };
}
