import type { MessageInitShape } from "@bufbuild/protobuf";
import { UnavailableError } from "../../faults/system.ts";
import type {
  ReplicaBackupRespSchema,
  ReplicaMemberSchema,
  ReplicaStateRespSchema,
  ReplicaSvc,
} from "../../gen/replica/replica_pb.ts";
import type { Component, ServiceImpl } from "../method.ts";

/** A member of the cluster; see ReplicaMember. */
export type ReplicaMemberInit = MessageInitShape<typeof ReplicaMemberSchema>;

/** What the daemon knows of the replica on this server. */
export interface ReplicaHost {
  state(): Promise<MessageInitShape<typeof ReplicaStateRespSchema>>;
  /** @throws NotLeaderError, UnavailableError */
  add(addr: string, generation: number): Promise<readonly ReplicaMemberInit[]>;
  remove(addr: string): Promise<readonly ReplicaMemberInit[]>;
  backup(): Promise<MessageInitShape<typeof ReplicaBackupRespSchema>>;
}

const anyone: readonly Component[] = ["server", "admin"];

/** daosctl.ReplicaSvc: what replicas and `server ms` ask of each other. */
export function replicaService(host: ReplicaHost): ServiceImpl<typeof ReplicaSvc> {
  const addrs = (members: readonly ReplicaMemberInit[]): string[] => members.map(({ addr }) => addr ?? "");
  return {
    replicaState: { roles: anyone, handle: () => host.state() },
    replicaAdd: {
      roles: ["server"],
      async handle({ addr, generation }) {
        if (addr === "") throw new UnavailableError();
        return { members: addrs(await host.add(addr, Number(generation))) };
      },
    },
    replicaRemove: {
      roles: anyone,
      handle: async ({ addr }) => ({ members: addrs(await host.remove(addr)) }),
    },
    replicaBackup: { roles: anyone, handle: () => host.backup() },
  };
}
