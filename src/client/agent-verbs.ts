/** What agents ask of the management service beside GetAttachInfo: to take pool handles away. */
import { PoolEvictReqSchema, PoolEvictRespSchema } from "../gen/mgmt/pool_pb.ts";
import {
  SystemCleanupReqSchema,
  type SystemCleanupResp_CleanupResult,
  SystemCleanupRespSchema,
} from "../gen/mgmt/system_pb.ts";
import type { ClientContext } from "./context.ts";
import { invokeLeader } from "./invoker.ts";
import { unary } from "./unary.ts";

const rpc = {
  evict: unary("mgmt.MgmtSvc", "PoolEvict", PoolEvictReqSchema, PoolEvictRespSchema),
  cleanup: unary("mgmt.MgmtSvc", "SystemCleanup", SystemCleanupReqSchema, SystemCleanupRespSchema),
};

/** Evicts these handles of a pool, all given by UUID. */
export async function evictPoolHandles(
  client: ClientContext,
  hosts: readonly string[],
  pool: string,
  handles: readonly string[],
): Promise<void> {
  await invokeLeader(rpc.evict, hosts, { sys: client.sys, id: pool, handles: [...handles] }, client);
}

/** Evicts all handles that processes of `machine` hold, and says of which pools how many. */
export async function cleanUpMachineHandles(
  client: ClientContext,
  hosts: readonly string[],
  machine: string,
): Promise<readonly SystemCleanupResp_CleanupResult[]> {
  return (await invokeLeader(rpc.cleanup, hosts, { sys: client.sys, machine }, client)).results;
}
