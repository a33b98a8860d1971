import { readFile, rename } from "node:fs/promises";
import type { MessageShape } from "@bufbuild/protobuf";
import { invokeLeader } from "../../client/invoker.ts";
import { createPeerTunnels, tunnelPath } from "../../client/peer-tunnel.ts";
import { callUnary } from "../../client/transport.ts";
import type { ManagementServiceConfig } from "../../config/types.ts";
import { errorText } from "../../faults/fault.ts";
import { NotLeaderError, UnavailableError } from "../../faults/system.ts";
import { syncFolder } from "../../files/durable.ts";
import { exists } from "../../files/exists.ts";
import { type ReplicaStateRespSchema, ReplicaStorage, ReplicaSvc } from "../../gen/replica/replica_pb.ts";
import type { Logger } from "../../log/logger.ts";
import type { TransportSecurity } from "../../security/tls.ts";
import type { ReplicaHost } from "../../services/replica/service.ts";
import { createTunnelHandler, type RawHandler } from "../../services/replica/tunnel.ts";
import { backupFolder, newestBackup, writeBackup } from "../../store/backup.ts";
import { beginReplica, type PeerStorage } from "../../store/etcd/begin.ts";
import {
  type EtcdReplicaStore,
  hasEtcdData,
  openEtcdReplica,
  type RunningReplica,
} from "../../store/etcd/replica.ts";
import { clusterEndpoint, createEtcdClient } from "../../store/etcd/rpc.ts";
import { openEtcdStore } from "../../store/etcd.ts";
import {
  generationOf,
  pendingReplacement,
  readGeneration,
  replacementTaken,
  setAside,
  writeGeneration,
} from "../../store/generation.ts";
import { hasLegacyDatabase, legacyPath } from "../../store/raft-2.6/database.ts";
import { faultLegacyBesideExternal, faultLegacyNeedsImport } from "../../store/raft-2.6/faults.ts";
import { takeOverLegacy, tellOfLegacy } from "../../store/raft-2.6/takeover.ts";
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
  /** Section `management_service` of the configuration. */
  readonly settings: ManagementServiceConfig | undefined;
  /** Another replica holds a later generation of the system: this one has to be opened anew. */
  onSuperseded(): void;
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
const defaultBackupHours = 12;
const defaultBackupsKept = 5;
const lookForBackupMs = 10 * 60_000;
const lookForGenerationMs = 10_000;
/** The external cluster's lease; nobody sees its raft, so this is what a failover takes. */
const externalLeaseSeconds = 3;
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

  const others = replicas.filter((addr) => addr !== self);
  const askState = (addr: string): Promise<MessageShape<typeof ReplicaStateRespSchema>> =>
    callUnary(
      ReplicaSvc.method.replicaState,
      addr,
      { sys },
      { security: transport, component: "server", timeoutMs: askTimeoutMs },
    );
  /** The latest generation among the others that can be asked. */
  const othersGeneration = async (): Promise<number> => {
    const states = await Promise.allSettled(others.map(askState));
    return Math.max(
      0,
      ...states.map((one) => (one.status === "fulfilled" ? Number(one.value.generation) : 0)),
    );
  };

  const join = async (generation: number): Promise<readonly string[]> => {
    const context = { security: transport, component: "server", sys, timeoutMs: joinTimeoutMs, log } as const;
    const { members } = await invokeLeader(
      ReplicaSvc.method.replicaAdd,
      others,
      { sys, addr: self ?? "", generation: BigInt(generation) },
      context,
      {
        failFast: (error) => error instanceof UnavailableError,
      },
    );
    return members;
  };

  const openCluster = async (dir: string, own: string, signal: AbortSignal): Promise<Store> => {
    const replacement = await pendingReplacement(dir);
    const known = await readGeneration(dir);
    const theirs = replacement === undefined ? await othersGeneration() : 0;
    if (theirs > known) {
      const old = await setAside(dir, new Date());
      if (old !== "")
        log.notice(`the system was restored on another replica; what was here is kept in ${old}`);
    }
    const generation = Math.max(known, theirs);
    const hasSingle = await exists(sqlitePath(dir));
    const ask = async (addr: string): Promise<PeerStorage> => {
      const answer = await askState(addr);
      const storage = storageOf[answer.storage] ?? "unknown";
      // What was superseded does not count.
      return storage !== "unknown" && Number(answer.generation) < generation ? "none" : storage;
    };
    const forced = replacement !== undefined;
    // The database of 2.6 is one of several: which of them knows everything, a person has to find out.
    const mustNotFound =
      !hasSingle && (await hasLegacyDatabase(dir))
        ? faultLegacyNeedsImport(legacyPath(dir), replicas)
        : undefined;
    const opened = await openEtcdReplica({
      dir,
      systemName: options.systemName,
      self: own,
      replicas,
      dial: tunnels.dial,
      log,
      signal,
      async begin() {
        const start = await beginReplica({
          ...{ self: own, replicas, hasSingle, forced, mustNotFound, ask, log, signal },
          join: () => join(generation),
        });
        // Known before the data are: what is on its way is not what was superseded.
        if (start.state === "existing") await writeGeneration(dir, generation);
        return start;
      },
      onRunning(replica) {
        running = replica;
      },
    });
    try {
      if (hasSingle) await importSingle(opened, dir, own, signal);
      await writeGeneration(dir, generationOf(await opened.load()));
      await replacementTaken(dir);
    } catch (error) {
      await opened.close();
      throw error;
    }
    cluster = opened;
    return opened;
  };

  const openExternal = async (
    settings: ManagementServiceConfig,
    own: string,
    signal: AbortSignal,
  ): Promise<Store> => {
    const tls = settings.etcdCert === "" ? undefined : await readEtcdTls(settings);
    const client = createEtcdClient(clusterEndpoint(settings.etcdEndpoints, tls));
    try {
      const opened = await openEtcdStore({
        client,
        systemName: options.systemName,
        addr: own,
        replicas,
        place: settings.etcdEndpoints.join(","),
        leaseSeconds: externalLeaseSeconds,
        embedded: false,
        log,
        signal,
      });
      return {
        ...opened,
        async close() {
          await opened.close();
          client.close();
        },
      };
    } catch (error) {
      client.close();
      throw error;
    }
  };

  const backUp = async (dir: string) => {
    if (store === undefined) throw new UnavailableError();
    const keep = options.settings?.backupsKept ?? defaultBackupsKept;
    const records = await store.load();
    return writeBackup(backupFolder(dir), records, { system: options.systemName, now: new Date(), keep });
  };

  /** Backups by themselves, on every replica from its own disk to its own disk. */
  const backUpWhenDue = async (dir: string): Promise<void> => {
    const everyMs = (options.settings?.backupHours ?? defaultBackupHours) * 3_600_000;
    if (everyMs === 0 || store === undefined) return;
    try {
      const last = await newestBackup(backupFolder(dir));
      if (last !== undefined && Date.now() - last.madeAt.getTime() < everyMs) return;
      // An empty system has nothing to keep.
      if (options.dataVersion() === 0n) return;
      const { path } = await backUp(dir);
      log.info(`management service backed up to ${path}`);
      if (await running?.defragment()) log.info("the database file was shrunk");
    } catch (error) {
      log.error(`management service not backed up: ${errorText(error)}`);
    }
  };

  const isSuperseded = async (dir: string): Promise<boolean> =>
    running !== undefined && others.length > 0 && (await othersGeneration()) > (await readGeneration(dir));

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

  const isExternal = options.settings !== undefined && options.settings.etcdEndpoints.length > 0;
  const isSingle = async (dir: string): Promise<boolean> =>
    !isExternal && replicas.length === 1 && !(await hasEtcdData(dir));

  /** What is on the disk decides; where there is nothing, the configuration. */
  const openWhatIs = async (dir: string, own: string, signal: AbortSignal): Promise<Store> => {
    const { settings } = options;
    if (settings !== undefined && isExternal) {
      const opened = await openExternal(settings, own, signal);
      if (!(await hasLegacyDatabase(dir)) || (await opened.load()).size > 0) return opened;
      await opened.close();
      throw faultLegacyBesideExternal(legacyPath(dir));
    }
    if (!(await isSingle(dir))) return openCluster(dir, own, signal);
    const opened = await openSqliteStore({ dir, addr: own });
    await replacementTaken(dir);
    return opened;
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
    // A system of 2.6 is not nothing, and no database of ours: nobody must be founded beside it.
    if (await hasLegacyDatabase(dir)) return ReplicaStorage.UNKNOWN;
    return looked || options.awaitsFormat() ? ReplicaStorage.NONE : ReplicaStorage.UNKNOWN;
  };

  const lastBackup = async (): Promise<string> => {
    if (options.dir === undefined) return "";
    return (await newestBackup(backupFolder(options.dir)))?.madeAt.toISOString() ?? "";
  };

  return {
    async openStore(dir) {
      looked = true;
      if (self === undefined) throw new Error("this server is no replica");
      const abort = new AbortController();
      opening = abort;
      // Also while it waits for a quorum: those it waits for may have been superseded, as it may.
      const watching = setInterval(async () => {
        if (!(await isSuperseded(dir)) || running === undefined) return;
        clearInterval(watching);
        options.onSuperseded();
      }, lookForGenerationMs);
      try {
        const tookOver = (await isSingle(dir)) && (await takeOverLegacy(dir, log));
        const opened = await openWhatIs(dir, self, abort.signal);
        if (!tookOver && (await hasLegacyDatabase(dir))) await tellOfLegacy(dir, await opened.load(), log);
        store = opened;
        const timers = [watching, setInterval(() => void backUpWhenDue(dir), lookForBackupMs)];
        return {
          ...opened,
          async close() {
            for (const timer of timers) clearInterval(timer);
            store = undefined;
            cluster = undefined;
            await opened.close();
            running = undefined;
          },
        };
      } catch (error) {
        clearInterval(watching);
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
        generation: BigInt(options.dir === undefined ? 0 : await readGeneration(options.dir)),
        lastBackup: await lastBackup(),
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
    async add(addr, generation) {
      const leader = leading();
      // It knows of a later system than this one: that is the one to join.
      if (options.dir !== undefined && (await readGeneration(options.dir)) < generation)
        throw new UnavailableError();
      return membersOf(await leader.replica.add(addr));
    },
    async remove(addr) {
      return membersOf(await leading().replica.remove(addr));
    },
    async backup() {
      if (options.dir === undefined) throw new UnavailableError();
      const { path, sizeBytes, members, pools, dataVersion } = await backUp(options.dir);
      return { path, size: BigInt(sizeBytes), members: BigInt(members), pools: BigInt(pools), dataVersion };
    },
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

async function readEtcdTls(
  settings: ManagementServiceConfig,
): Promise<{ ca: string; cert: string; key: string }> {
  const [ca, cert, key] = await Promise.all(
    [settings.etcdCaCert, settings.etcdCert, settings.etcdKey].map((path) => readFile(path, "utf8")),
  );
  return { ca: ca ?? "", cert: cert ?? "", key: key ?? "" };
}
