/** Access control lists of pools, and the owner of a container. */
import { wrapError } from "../faults/cause.ts";
import {
  type ACLResp,
  ACLRespSchema,
  DeleteACLReqSchema,
  GetACLReqSchema,
  ModifyACLReqSchema,
} from "../gen/mgmt/acl_pb.ts";
import type { DmgClient } from "./context.ts";
import { invokeLeader } from "./invoker.ts";
import { unary } from "./unary.ts";

const rpc = {
  get: unary("mgmt.MgmtSvc", "PoolGetACL", GetACLReqSchema, ACLRespSchema),
  overwrite: unary("mgmt.MgmtSvc", "PoolOverwriteACL", ModifyACLReqSchema, ACLRespSchema),
  update: unary("mgmt.MgmtSvc", "PoolUpdateACL", ModifyACLReqSchema, ACLRespSchema),
  delete: unary("mgmt.MgmtSvc", "PoolDeleteACL", DeleteACLReqSchema, ACLRespSchema),
};

export interface AccessControlList {
  /** In the short form: "A:G:readers@:r". */
  readonly entries: readonly string[];
  readonly ownerUser: string;
  readonly ownerGroup: string;
}

function listOf({ acl }: ACLResp): AccessControlList {
  return {
    entries: acl?.entries ?? [],
    ownerUser: acl?.ownerUser ?? "",
    ownerGroup: acl?.ownerGroup ?? "",
  };
}

export async function getPoolAcl(client: DmgClient, pool: string): Promise<AccessControlList> {
  return listOf(await invokeLeader(rpc.get, client.hosts, { sys: client.sys, id: pool }, client));
}

/** Puts these entries in place of all there are, and gives the list as it is then. */
export async function overwritePoolAcl(
  client: DmgClient,
  pool: string,
  entries: readonly string[],
): Promise<AccessControlList> {
  const request = { sys: client.sys, id: pool, entries: checkedEntries(entries) };
  return listOf(await invokeLeader(rpc.overwrite, client.hosts, request, client));
}

/** Adds entries, in place of those of the same principals. */
export async function updatePoolAcl(
  client: DmgClient,
  pool: string,
  entries: readonly string[],
): Promise<AccessControlList> {
  const request = { sys: client.sys, id: pool, entries: checkedEntries(entries) };
  return listOf(await invokeLeader(rpc.update, client.hosts, request, client));
}

export async function deletePoolAcl(
  client: DmgClient,
  pool: string,
  principal: string,
): Promise<AccessControlList> {
  if (principal === "") throw new Error("no principal provided");
  const request = { sys: client.sys, id: pool, principal };
  return listOf(await invokeLeader(rpc.delete, client.hosts, request, client));
}

function checkedEntries(entries: readonly string[]): string[] {
  if (entries.length === 0) throw new Error("empty ACL on modify");
  return [...entries];
}

export interface ContainerOwner {
  /** UUIDs. */
  readonly pool: string;
  readonly container: string;
  /** Principals; "": leave as it is. */
  readonly user: string;
  readonly group: string;
}

export async function setContainerOwner(client: DmgClient, owner: ContainerOwner): Promise<void> {
  const { ContSetOwnerReqSchema, ContSetOwnerRespSchema } = await import("../gen/mgmt/cont_pb.ts");
  const method = unary("mgmt.MgmtSvc", "ContSetOwner", ContSetOwnerReqSchema, ContSetOwnerRespSchema);
  const request = {
    sys: client.sys,
    contUUID: owner.container,
    poolUUID: owner.pool,
    owneruser: owner.user,
    ownergroup: owner.group,
  };
  try {
    await invokeLeader(method, client.hosts, request, client);
  } catch (error) {
    throw wrapError("container set-owner failed", error);
  }
}
