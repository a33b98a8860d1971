import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { callDrpc } from "../../drpc/client.ts";
import { DrpcModule, MgmtMethod, SecAgentMethod } from "../../drpc/methods.ts";
import {
  DaosRespSchema,
  GetAttachInfoReqSchema,
  GetAttachInfoRespSchema,
  PoolMonitorReqSchema,
} from "../../gen/mgmt/svc_pb.ts";
import { CredentialSchema, GetCredRespSchema } from "../../gen/security/auth_pb.ts";
import type {
  ConnectAnswer,
  ConnectRequest,
  CreateContainerRequest,
  DestroyContainerRequest,
  HandleRequest,
} from "./client-ops.ts";
import { Der, DerError } from "./der.ts";
import { createFabricClient } from "./fabric-client.ts";
import type { PoolContainer } from "./pool.ts";

const callTimeoutMs = 20_000;

/** A pool as an application holds it open. */
export interface OpenPool {
  readonly uuid: string;
  readonly handle: string;
  containers(): Promise<readonly PoolContainer[]>;
  /** @returns the UUID of the new container */
  createContainer(label: string, usedBytes: bigint): Promise<string>;
  /** By label or UUID. */
  destroyContainer(container: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects to a pool of emulated engines as libdaos does: ranks and credential from the agent, the pool from
 * an engine, and a notice to the agent, which evicts the handle should this process die.
 * @param agentSocket daos_agent.sock
 * @param pool label or UUID
 * @throws DerError as agent or engine refuse it
 */
export async function connectPool(agentSocket: string, pool: string): Promise<OpenPool> {
  const agent = (module: number, method: number, body: Uint8Array) =>
    callDrpc(agentSocket, module, method, body, { timeoutMs: callTimeoutMs });
  const attach = fromBinary(
    GetAttachInfoRespSchema,
    await agent(
      DrpcModule.MGMT,
      MgmtMethod.GET_ATTACH_INFO,
      toBinary(GetAttachInfoReqSchema, create(GetAttachInfoReqSchema, { allRanks: true })),
    ),
  );
  if (attach.status !== 0) throw new DerError(attach.status, "the agent knows no system");
  const uris = attach.rankUris.map(({ uri }) => uri);
  const signed = fromBinary(
    GetCredRespSchema,
    await agent(DrpcModule.SEC_AGENT, SecAgentMethod.REQUEST_CREDS, new Uint8Array()),
  );
  if (signed.status !== 0 || signed.cred === undefined) {
    throw new DerError(signed.status || Der.NO_PERM, "the agent gives no credential");
  }
  const sys = attach.sys;
  const fabric = createFabricClient(sys);
  /** Ranks that cannot be reached are passed over. */
  const ask = async (op: string, body: unknown): Promise<unknown> => {
    let last: unknown = new DerError(Der.UNREACH, "the system has no ranks");
    for (const uri of uris) {
      try {
        return await fabric.call(uri, op, body, callTimeoutMs);
      } catch (error) {
        if (!(error instanceof DerError) || error.status !== Der.UNREACH) throw error;
        last = error;
      }
    }
    throw last;
  };
  const handle = crypto.randomUUID();
  const tellAgent = async (method: number, uuid: string) => {
    const request = create(PoolMonitorReqSchema, { sys, poolUUID: uuid, poolHandleUUID: handle });
    const answer = await agent(DrpcModule.MGMT, method, toBinary(PoolMonitorReqSchema, request));
    const { status } = fromBinary(DaosRespSchema, answer);
    if (status !== 0) throw new DerError(status, "the agent takes no notice of the handle");
  };
  try {
    const { uuid, replicas } = (await ask("client.connect", {
      pool,
      handle,
      credential: Buffer.from(toBinary(CredentialSchema, signed.cred)).toString("base64"),
    } satisfies ConnectRequest)) as ConnectAnswer;
    const mine: HandleRequest = { uuid, replicas, handle };
    await tellAgent(MgmtMethod.NOTIFY_POOL_CONNECT, uuid);
    return {
      uuid,
      handle,
      containers: async () => (await ask("client.list", mine)) as PoolContainer[],
      async createContainer(label, usedBytes) {
        const container = crypto.randomUUID();
        await ask("client.create", { ...mine, container, label, usedBytes } satisfies CreateContainerRequest);
        return container;
      },
      async destroyContainer(container) {
        await ask("client.destroy", { ...mine, container } satisfies DestroyContainerRequest);
      },
      async close() {
        try {
          await ask("client.disconnect", mine);
          await tellAgent(MgmtMethod.NOTIFY_POOL_DISCONNECT, uuid);
        } finally {
          fabric.close();
        }
      },
    };
  } catch (error) {
    fabric.close();
    throw error;
  }
}
