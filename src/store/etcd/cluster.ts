import { errorText } from "../../faults/fault.ts";
import { UnavailableError } from "../../faults/system.ts";
import { Cluster, Maintenance, type Member, type StatusResponse } from "../../gen/etcd/rpc_pb.ts";
import { memberAddr, memberUrl } from "./process.ts";
import type { EtcdClient } from "./rpc.ts";

/** A member of the cluster. */
export interface ClusterMember {
  readonly id: bigint;
  /** Control address, "ip:port". */
  readonly addr: string;
  readonly learner: boolean;
  /** It has started once since it was added. */
  readonly started: boolean;
}

const callTimeoutMs = 5_000;

function memberOf({ ID, name, peerURLs, isLearner }: Member): ClusterMember {
  return { id: ID, addr: memberAddr(peerURLs[0] ?? ""), learner: isLearner, started: name !== "" };
}

/** Members as the local etcd knows them. */
export async function listMembers(client: EtcdClient): Promise<ClusterMember[]> {
  const { members } = await client.call(Cluster.method.memberList, {}, callTimeoutMs);
  return members.map(memberOf).sort((a, b) => (a.addr < b.addr ? -1 : 1));
}

/**
 * Adds a replica that has no database, as a learner, and returns all members. One of that address that has been
 * started before had a database and has lost it: it must never vote on what it has forgotten, so it is taken out
 * first and comes back as another.
 * @throws UnavailableError while another one is being added
 */
export async function addMember(client: EtcdClient, addr: string): Promise<ClusterMember[]> {
  const before = await listMembers(client);
  const old = before.find((member) => member.addr === addr);
  if (old !== undefined && !old.started) return before;
  if (before.some(({ learner }) => learner)) throw new UnavailableError();
  if (old !== undefined) await client.call(Cluster.method.memberRemove, { ID: old.id }, callTimeoutMs);
  const { members } = await client.call(
    Cluster.method.memberAdd,
    { peerURLs: [memberUrl(addr)], isLearner: true },
    callTimeoutMs,
  );
  return members.map(memberOf);
}

/** @throws Error when there is no such member, or it is the last one that votes */
export async function removeMember(client: EtcdClient, addr: string): Promise<ClusterMember[]> {
  const before = await listMembers(client);
  const found = before.find((member) => member.addr === addr);
  if (found === undefined) throw new Error(`${addr} is no replica of this system`);
  if (!found.learner && before.filter(({ learner }) => !learner).length === 1) {
    throw new Error(`${addr} is the only replica that votes`);
  }
  const { members } = await client.call(Cluster.method.memberRemove, { ID: found.id }, callTimeoutMs);
  return members.map(memberOf);
}

/** Gives learners that have caught up their vote. Others, and those that are not reached, wait for the next time. */
export async function promoteLearners(
  client: EtcdClient,
  members: readonly ClusterMember[],
  onPromoted: (addr: string) => void,
): Promise<void> {
  for (const { id, addr, learner, started } of members) {
    if (!learner || !started) continue;
    try {
      await client.call(Cluster.method.memberPromote, { ID: id }, callTimeoutMs);
      onPromoted(addr);
    } catch (error) {
      if (!errorText(error).includes("in sync")) throw error;
    }
  }
}

export function localStatus(client: EtcdClient, timeoutMs = 2_000): Promise<StatusResponse> {
  return client.call(Maintenance.method.status, {}, timeoutMs);
}

/** A file of this size is left alone, and so is one that is mostly in use. */
const defragmentBytes = 64 << 20;

/** Gives the free pages of the local database file back to the file system, when there are many. */
export async function defragment(client: EtcdClient): Promise<boolean> {
  const { dbSize, dbSizeInUse } = await localStatus(client);
  if (dbSize < defragmentBytes || dbSizeInUse * 2n > dbSize) return false;
  await client.call(Maintenance.method.defragment, {}, 60_000);
  return true;
}

/** Hands raft's leadership to another member, when it is here: then nobody has to wait for an election. */
export async function moveRaftLeader(client: EtcdClient): Promise<void> {
  const status = await localStatus(client);
  const own = status.header?.memberId;
  if (own === undefined || status.leader !== own) return;
  const members = await listMembers(client);
  for (const { id, learner, started } of members) {
    if (id === own || learner || !started) continue;
    try {
      await client.call(Maintenance.method.moveLeader, { targetID: id }, 1_000);
      return;
    } catch {
      // That one is not there either; perhaps the next.
    }
  }
}
