/** Who leads the management service. By itself, so that `system query` loads one file of messages less. */
import { LeaderQueryReqSchema, LeaderQueryRespSchema } from "../gen/mgmt/svc_pb.ts";
import type { DmgClient } from "./context.ts";
import { invokeHosts, invokeLeader } from "./invoker.ts";
import { unary } from "./unary.ts";

const rpc = unary("mgmt.MgmtSvc", "LeaderQuery", LeaderQueryReqSchema, LeaderQueryRespSchema);

export interface LeaderAnswer {
  /** "ip:port", "" while there is none. */
  readonly leader: string;
  readonly replicas: readonly string[];
  /** Replicas that did not answer. */
  readonly downReplicas: readonly string[];
}

export async function leaderQuery(client: DmgClient): Promise<LeaderAnswer> {
  const request = { sys: client.sys };
  const answer = await invokeLeader(rpc, client.hosts, request, client);
  const results = await invokeHosts(rpc, answer.replicas, request, client);
  return {
    leader: answer.currentLeader,
    replicas: answer.replicas,
    downReplicas: results.filter((result) => result.error !== undefined).map((result) => result.host),
  };
}
