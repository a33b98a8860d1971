import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { callDrpc } from "../../drpc/client.ts";
import { DrpcModule, SrvMethod } from "../../drpc/methods.ts";
import {
  GetPoolSvcReqSchema,
  GetPoolSvcRespSchema,
  NotifyReadyReqSchema,
  PoolFindByLabelReqSchema,
  PoolFindByLabelRespSchema,
} from "../../gen/srv/srv_pb.ts";
import { DerError } from "./der.ts";
import { encodeLikeEngine } from "./encode.ts";

/** What an engine asks of, and tells, the server that runs it. */
export interface Upcalls {
  notifyReady(notice: {
    uri: string;
    nctxs: number;
    drpcListenerSock: string;
    instanceIdx: number;
    ntgts: number;
    incarnation: bigint;
    secondaryUris: string[];
    secondaryNctxs: number[];
    checkMode: boolean;
  }): Promise<void>;
  /** @throws DerError as the server answers: DER_NONEXIST for an unknown label */
  findPoolByLabel(label: string): Promise<{ uuid: string; replicas: number[] }>;
  poolReplicas(uuid: string): Promise<number[]>;
  /** Any other call: body in, body out. */
  call(module: number, method: number, body: Uint8Array): Promise<Uint8Array>;
}

/** Calls to `socket`, each on a connection of its own, as the engine makes them. */
export function createUpcalls(socket: string): Upcalls {
  const call = (module: number, method: number, body: Uint8Array) =>
    callDrpc(socket, module, method, body, { timeoutMs: 30_000 });
  const check = (status: number, what: string) => {
    if (status !== 0) throw new DerError(status, what);
  };
  return {
    call,
    async notifyReady(notice) {
      const message = create(NotifyReadyReqSchema, notice);
      await call(DrpcModule.SRV, SrvMethod.NOTIFY_READY, encodeLikeEngine(NotifyReadyReqSchema, message));
    },
    async findPoolByLabel(label) {
      const request = toBinary(PoolFindByLabelReqSchema, create(PoolFindByLabelReqSchema, { label }));
      const answer = fromBinary(
        PoolFindByLabelRespSchema,
        await call(DrpcModule.SRV, SrvMethod.POOL_FIND_BYLABEL, request),
      );
      check(answer.status, `pool ${label}`);
      return { uuid: answer.uuid, replicas: answer.svcreps };
    },
    async poolReplicas(uuid) {
      const request = toBinary(GetPoolSvcReqSchema, create(GetPoolSvcReqSchema, { uuid }));
      const answer = fromBinary(
        GetPoolSvcRespSchema,
        await call(DrpcModule.SRV, SrvMethod.GET_POOL_SVC, request),
      );
      check(answer.status, `service of pool ${uuid}`);
      return answer.svcreps;
    },
  };
}
