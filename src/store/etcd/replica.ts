import { closeSync, constants, openSync } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorText } from "../../faults/fault.ts";
import type { Logger } from "../../log/logger.ts";
import { type EtcdStore, openEtcdStore } from "../etcd.ts";
import {
  addMember,
  type ClusterMember,
  defragment,
  listMembers,
  localStatus,
  moveRaftLeader,
  promoteLearners,
  removeMember,
} from "./cluster.ts";
import { createForwarders, type DialPeer } from "./forwarders.ts";
import { installEtcd } from "./install.ts";
import { clientSocket, type EtcdStart, type EtcdTiming, runEtcd } from "./process.ts";
import { createEtcdClient, unixEndpoint } from "./rpc.ts";

/**
 * A heartbeat ten times a second, an election after 0.6 to 1.2 s of silence: a failover well below 1.5 s, and still
 * six lost heartbeats of patience with a daemon that is busy.
 */
export const defaultTiming: EtcdTiming = { heartbeatMs: 100, electionMs: 600 };
const leaseSeconds = 3;
const stopGraceMs = 5_000;
const membersEveryMs = 500;

export interface EtcdReplicaOptions {
  /** Folder of the system's database. */
  readonly dir: string;
  readonly systemName: string;
  /** Control address of this replica, "ip:port". */
  readonly self: string;
  readonly replicas: readonly string[];
  readonly dial: DialPeer;
  readonly log: Logger;
  /** How to begin when there is no data yet; may wait for others. */
  begin(signal: AbortSignal): Promise<EtcdStart>;
  /** The local etcd takes and makes connections, though it may not have a quorum yet. */
  onRunning?(replica: RunningReplica): void;
  readonly timing?: EtcdTiming;
  readonly signal: AbortSignal;
}

/** What can be asked of the local etcd, whether there is a quorum or not. */
export interface RunningReplica {
  members(): Promise<ClusterMember[]>;
  status(): ReturnType<typeof localStatus>;
  add(addr: string): Promise<ClusterMember[]>;
  remove(addr: string): Promise<ClusterMember[]>;
  /** Shrinks the local file when most of it is free; true when it did. */
  defragment(): Promise<boolean>;
  /** Path of the socket on which our etcd takes its peers' connections. */
  readonly peerSocketPath: string;
}

/** A store on an etcd of our own, which it starts and stops. */
export interface EtcdReplicaStore extends EtcdStore {
  readonly replica: RunningReplica;
}

/** Folder of everything of etcd below the database's folder. */
export function etcdFolder(dir: string): string {
  return join(dir, "etcd");
}

/** True when `dir` holds a member of a cluster: what is on disk decides which store is used. */
export async function hasEtcdData(dir: string): Promise<boolean> {
  return stat(join(etcdFolder(dir), "data", "member", "wal")).then(
    () => true,
    () => false,
  );
}

/**
 * Runs the etcd this executable carries in `dir` and opens the store on it. Resolves when there is a quorum.
 * @throws what keeps etcd from being run; the signal's reason
 */
export async function openEtcdReplica(options: EtcdReplicaOptions): Promise<EtcdReplicaStore> {
  const { dir, self, replicas, log, signal } = options;
  const home = etcdFolder(dir);
  const runDir = join(home, "run");
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  const known = await readKnownMembers(home);
  const start = (await hasEtcdData(dir))
    ? // Only the data counts now; etcd wants to see its own name.
      ({ state: "existing", members: [...new Set([...known, ...replicas, self])], token: "" } as const)
    : await options.begin(signal);
  const { path: program, version } = await installEtcd(join(home, "bin"));
  log.debug(`etcd ${version} in ${home}`);

  // Paths of Unix sockets are short, those of folders are not: the folder is named by its descriptor.
  const folder = openSync(runDir, constants.O_RDONLY | constants.O_DIRECTORY);
  const sockets = `/proc/self/fd/${folder}`;
  const forwarders = createForwarders(sockets, options.dial, log);
  const others = (addrs: readonly string[]) => addrs.filter((addr) => addr !== self);
  await forwarders.ensure(others([...new Set([...start.members, ...replicas])]));
  const etcd = await runEtcd({
    program,
    self,
    dataDir: join(home, "data"),
    runDir,
    start,
    timing: options.timing ?? defaultTiming,
    log,
  });
  const client = createEtcdClient(unixEndpoint(join(sockets, clientSocket)));
  const replica: RunningReplica = {
    members: () => listMembers(client),
    status: () => localStatus(client),
    async add(addr) {
      await forwarders.ensure(others([addr]));
      return addMember(client, addr);
    },
    remove: (addr) => removeMember(client, addr),
    defragment: () => defragment(client),
    peerSocketPath: join(sockets, "peer:0"),
  };
  options.onRunning?.(replica);

  let following = true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let store: EtcdStore | undefined;
  /** New members need a door, and learners their vote once they have caught up. */
  const followMembers = async (): Promise<void> => {
    try {
      const members = await listMembers(client);
      const addrs = members.map(({ addr }) => addr);
      await forwarders.ensure(others(addrs));
      await writeKnownMembers(home, addrs);
      if (store?.leadership().leader) {
        await promoteLearners(client, members, (addr) =>
          log.notice(`replica ${addr} has caught up and votes now`),
        );
      }
    } catch (error) {
      log.debug(`members of the cluster: ${errorText(error)}`);
    }
    if (following) timer = setTimeout(() => void followMembers(), membersEveryMs);
  };
  void followMembers();

  const release = async (): Promise<void> => {
    following = false;
    clearTimeout(timer);
    client.close();
    await etcd.stop(stopGraceMs);
    await forwarders.close();
    closeSync(folder);
  };
  try {
    store = await openEtcdStore({
      client,
      systemName: options.systemName,
      addr: self,
      replicas,
      place: home,
      leaseSeconds,
      embedded: true,
      log,
      signal,
    });
  } catch (error) {
    await release();
    throw error;
  }
  const opened = store;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await opened.close();
    await moveRaftLeader(client).catch((error: unknown) =>
      log.debug(`moving raft's leader: ${errorText(error)}`),
    );
    await release();
  };
  return {
    ...opened,
    replica,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** Members when last seen, whom our etcd will want to reach at its next start. */
async function readKnownMembers(home: string): Promise<string[]> {
  try {
    return JSON.parse(await readFile(join(home, "members.json"), "utf8")) as string[];
  } catch {
    // Not there, or not whole: those of the configuration are reached all the same.
    return [];
  }
}

async function writeKnownMembers(home: string, addrs: readonly string[]): Promise<void> {
  const text = JSON.stringify(addrs);
  const path = join(home, "members.json");
  const old = await readFile(path, "utf8").catch(() => "");
  if (old !== text) await Bun.write(path, text);
}
