import { drpcMethod } from "../../drpc/body.ts";
import { DrpcModule, SrvMethod } from "../../drpc/methods.ts";
import type { DrpcModules } from "../../drpc/types.ts";
import { ClusterEventReqSchema, ClusterEventRespSchema } from "../../gen/shared/event_pb.ts";
import {
  GetPoolSvcReqSchema,
  GetPoolSvcRespSchema,
  PoolFindByLabelReqSchema,
  PoolFindByLabelRespSchema,
} from "../../gen/srv/srv_pb.ts";
import { parseUuid } from "../../system/labels.ts";
import { DerStatus } from "../../system/pools.ts";
import { checkerModule } from "./checker-module.ts";
import type { ManagementParts } from "./parts.ts";

/** What engines ask of the management service over dRPC. NotifyReady is the harness's. */
export function managementDrpc(parts: ManagementParts): DrpcModules {
  const { core, events } = parts;
  /** A pool that serves, or undefined: then the engine is told that there is none. */
  const readyPool = (uuid: string | undefined) => {
    const pool = uuid === undefined ? undefined : core.running()?.journal.state().pools.get(uuid);
    return pool?.state === "Ready" ? pool : undefined;
  };

  return {
    [DrpcModule.SRV]: {
      ...checkerModule(parts),
      [SrvMethod.GET_POOL_SVC]: drpcMethod(GetPoolSvcReqSchema, GetPoolSvcRespSchema, ({ uuid }) => {
        const pool = readyPool(parseUuid(uuid));
        return pool === undefined ? { status: DerStatus.Nonexist } : { svcreps: [...pool.replicas] };
      }),
      [SrvMethod.POOL_FIND_BYLABEL]: drpcMethod(
        PoolFindByLabelReqSchema,
        PoolFindByLabelRespSchema,
        ({ label }) => {
          const pool = readyPool(core.running()?.journal.state().poolsByLabel.get(label));
          if (pool === undefined) return { status: DerStatus.Nonexist };
          return { uuid: pool.uuid, svcreps: [...pool.replicas] };
        },
      ),
      [SrvMethod.CLUSTER_EVENT]: drpcMethod(ClusterEventReqSchema, ClusterEventRespSchema, (request) => {
        if (request.event === undefined) throw new Error("nil event in request");
        // The engine waits for this answer; what the event changes may take a commit, or a leader search.
        void events.publish(request.event);
        return { sequence: request.sequence };
      }),
    },
  };
}
