import { rename, stat } from "node:fs/promises";
import { invokeLeader } from "../../client/invoker.ts";
import { createPeerTunnels, tunnelPath } from "../../client/peer-tunnel.ts";
import { callUnary } from "../../client/transport.ts";
import { errorText } from "../../faults/fault.ts";
import { NotLeaderError, UnavailableError } from "../../faults/system.ts";
import { ReplicaStorage, ReplicaSvc } from "../../gen/replica/replica_pb.ts";
import type { Logger } from "../../log/logger.ts";
import type { TransportSecurity } from "../../security/tls.ts";
import type { ReplicaHost } from "../../services/replica/service.ts";
import { createTunnelHandler, type RawHandler } from "../../services/replica/tunnel.ts";
import { syncFolder } from "../../storage/durable.ts";
import { beginReplica, type PeerStorage } from "../../store/etcd/begin.ts";
import {
  type EtcdReplicaStore,
  hasEtcdData,
  openEtcdReplica,
  type RunningReplica,
} from "../../store/etcd/replica.ts";
import { openSqliteStore } from "../../store/sqlite.ts";
import { sqlitePath } from "../../store/sqlite-file.ts";
import type { Store } from "../../store/store.ts";
import { daosctlVersion } from "../../version.ts";

export interface ReplicaHostOptions {
  readonly systemName: string;
  /** The `sys` field of requests. */
  readonly sys: string;
  /** Control address of this server, "ip:port"; undefined when it holds no replica. */
  readonly self: string | undefined;
  readonly replicas: readonly string[];
  readonly transport: TransportSecurity;
  readonly log: Logger;
  /** Folder of the system's database; undefined for a server that cannot have one. */
  readonly dir: string | undefined;
  /** The storage below that folder waits to be formatted. */
  awaitsFormat(): boolean;
  /** Version of the system in the copy that is served; 0 while none is. */
  dataVersion(): bigint;
}

/** The replica of a server: its store, and what other replicas may ask of it. */
export interface ReplicaParts extends ReplicaHost {
  /** Opens the store that is on the disk, or begins the one that the configuration asks for. */
  openStore(dir: string): Promise<Store>;
  /** Ends an openStore that waits for other replicas. */
  interrupt(): void;
  /** For serveRpc. */
  readonly raw: ReadonlyMap<string, RawHandler>;
  /** To be called after the store has been closed. */
  close(): void;
}

const askTimeoutMs = 2_000;
const joinTimeoutMs = 10_000;
/** Operations in one transaction of an import. */
const importOps = 4_000;
/** Says that the records of a one-replica system have been taken over whole. */
const importedKey = "meta/imported";

const storageOf: Record<ReplicaStorage, PeerStorage> = {
  [ReplicaStorage.UNKNOWN]: "unknown",
  [ReplicaStorage.NONE]: "none",
  [ReplicaStorage.SINGLE]: "single",
  [ReplicaStorage.CLUSTER]: "cluster",
};

export function createReplicaHost(options: ReplicaHostOptions): ReplicaParts {
  const { self, replicas, transport, log, sys } = options;
  const tunnels = createPeerTunnels(transport);
  let opening: AbortController | undefined;
  /** From when the local etcd runs; it may not have a quorum. */
  let running: RunningReplica | undefined;
  /** From when it is in order, an import included. */
  let store: Store | undefined;
  let cluster: EtcdReplicaStore | undefined;
  /** The folder has been looked at: the storage is there. */
  let looked = false;

  const ask = async (addr: string): Promise<PeerStorage> => {
    const answer = await callUnary(
      ReplicaSvc.method.replicaState,
      addr,
      { sys },
      {
        security: transport,
        component: "server",
        timeoutMs: askTimeoutMs,
      },
    );
    return storageOf[answer.storage] ?? "unknown";
  };

  const join = async (): Promise<readonly string[]> => {
    const others = replicas.filter((addr) => addr !== self);
    const context = { security: transport, component: "server", sys, timeoutMs: joinTimeoutMs, log } as const;
    const { members } = await invokeLeader(
      ReplicaSvc.method.replicaAdd,
      others,
      { sys, addr: self ?? "" },
      context,
      {
        failFast: (error) => error instanceof UnavailableError,
      },
    );
    return members;
  };

  const openCluster = async (dir: string, own: string, signal: AbortSignal): Promise<Store> => {
    const hasSingle = await exists(sqlitePath(dir));
    const opened = await openEtcdReplica({
      dir,
      systemName: options.systemName,
      self: own,
      replicas,
      dial: tunnels.dial,
      log,
      signal,
      begin: () => beginReplica({ self: own, replicas, hasSingle, ask, join, log, signal }),
      onRunning(replica) {
        running = replica;
      },
    });
    try {
      if (hasSingle) await importSingle(opened, dir, own, signal);
    } catch (error) {
      await opened.close();
      throw error;
    }
    cluster = opened;
    return opened;
  };

  const importSingle = async (into: Store, dir: string, own: string, signal: AbortSignal): Promise<void> => {
    while (!into.leadership().leader) {
      signal.throwIfAborted();
      await Bun.sleep(20);
    }
    const path = sqlitePath(dir);
    if (!(await into.load()).has(importedKey)) {
      const single = await openSqliteStore({ dir, addr: own });
      const records = await single.load().finally(() => single.close());
      const ops = [...records].map(([key, value]) => ({ key, value }));
      for (let at = 0; at < ops.length; at += importOps) await into.commit(ops.slice(at, at + importOps));
      await into.commit([{ key: importedKey, value: JSON.stringify(path) }]);
      log.notice(`took over ${ops.length} records of the one-replica system in ${path}`);
    }
    // Kept, out of the way: what is on disk decides.
    await rename(path, `${path}.migrated-${new Date().toISOString().replace(/[:.]/g, "-")}`);
    await syncFolder(dir);
  };

  const leading = (): EtcdReplicaStore => {
    if (cluster === undefined) throw new UnavailableError();
    const { leader, leaderHint } = cluster.leadership();
    if (!leader)
      throw new NotLeaderError(
        leaderHint,
        replicas.filter((addr) => addr !== self),
      );
    return cluster;
  };

  const storage = async (): Promise<ReplicaStorage> => {
    const { dir } = options;
    if (self === undefined || dir === undefined) return ReplicaStorage.NONE;
    if (await hasEtcdData(dir)) return ReplicaStorage.CLUSTER;
    if (await exists(sqlitePath(dir))) return ReplicaStorage.SINGLE;
    return looked || options.awaitsFormat() ? ReplicaStorage.NONE : ReplicaStorage.UNKNOWN;
  };

  return {
    async openStore(dir) {
      looked = true;
      if (self === undefined) throw new Error("this server is no replica");
      const abort = new AbortController();
      opening = abort;
      try {
        const inCluster = replicas.length > 1 || (await hasEtcdData(dir));
        const opened = inCluster
          ? await openCluster(dir, self, abort.signal)
          : await openSqliteStore({ dir, addr: self });
        store = opened;
        return {
          ...opened,
          async close() {
            store = undefined;
            cluster = undefined;
            await opened.close();
            running = undefined;
          },
        };
      } catch (error) {
        running = undefined;
        throw error;
      } finally {
        opening = undefined;
      }
    },
    interrupt() {
      looked = false;
      opening?.abort(new Error("the server is shutting down"));
    },
    raw: new Map([[tunnelPath, createTunnelHandler(() => running?.peerSocketPath, log)]]),
    close: () => tunnels.close(),
    async state() {
      const leadership = store?.leadership();
      const base = {
        addr: self ?? "",
        storage: await storage(),
        version: daosctlVersion,
        leader: leadership?.leaderHint ?? "",
        term: leadership?.term ?? 0n,
        dataVersion: options.dataVersion(),
      };
      if (running === undefined) {
        return { ...base, role: store === undefined ? "none" : "leader" };
      }
      try {
        const [status, members] = await Promise.all([running.status(), running.members()]);
        const counts = cluster?.counts() ?? { gained: 0, lost: 0 };
        const follower = status.isLearner ? "learner" : "follower";
        const role = status.leader === 0n ? "no quorum" : leadership?.leader ? "leader" : follower;
        return {
          ...base,
          role: store === undefined && role === "follower" ? "starting" : role,
          raftIndex: status.raftIndex,
          appliedIndex: status.raftAppliedIndex,
          dbSize: status.dbSize,
          dbInUse: status.dbSizeInUse,
          dbVersion: `etcd ${status.version}`,
          cluster: (status.header?.clusterId ?? 0n).toString(16),
          gained: BigInt(counts.gained),
          lost: BigInt(counts.lost),
          members: members.map(({ id, addr, learner, started }) => ({
            id: id.toString(16),
            addr,
            learner,
            started,
          })),
        };
      } catch (error) {
        log.debug(`state of the replica: ${errorText(error)}`);
        return { ...base, role: "no quorum" };
      }
    },
    async add(addr) {
      return membersOf(await leading().replica.add(addr));
    },
    async remove(addr) {
      return membersOf(await leading().replica.remove(addr));
    },
    backup: () => Promise.reject(new Error("not available yet")),
  };
}

function membersOf(
  members: readonly {
    readonly id: bigint;
    readonly addr: string;
    readonly learner: boolean;
    readonly started: boolean;
  }[],
) {
  return members.map(({ id, addr, learner, started }) => ({ id: id.toString(16), addr, learner, started }));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
