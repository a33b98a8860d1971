import { isConnectionError } from "../../client/connection-errors.ts";
import { systemField } from "../../client/context.ts";
import { callUnary } from "../../client/transport.ts";
import { withDefaultPort } from "../../config/addresses.ts";
import { defaultServerConfigPath } from "../../config/defaults.ts";
import { loadServerConfig } from "../../config/server.ts";
import { errorText, Fault } from "../../faults/fault.ts";
import { type ReplicaStateResp, ReplicaSvc } from "../../gen/replica/replica_pb.ts";
import { type Logger, silentLogger } from "../../log/logger.ts";
import { loadTransportSecurity, type TransportSecurity } from "../../security/tls.ts";
import { ownReplica, resolveReplicas } from "../server/address.ts";
import { databaseFolder } from "../server/replica.ts";

/** What `server ms` works on: the replica that a server's configuration describes. */
export interface MsTarget {
  readonly systemName: string;
  readonly sys: string;
  /** Folder of the system's database on this host. */
  readonly dir: string;
  /** Control addresses of all replicas, "ip:port". */
  readonly replicas: readonly string[];
  /** That of this host's; undefined when it holds none. */
  readonly self: string | undefined;
  readonly security: TransportSecurity;
  readonly log: Logger;
}

const askTimeoutMs = 3_000;

/** @throws Fault of the configuration; Fault 600 for a server that can hold no database */
export async function openTarget(
  configPath: string | undefined,
  log: Logger = silentLogger,
): Promise<MsTarget> {
  const config = await loadServerConfig(configPath ?? defaultServerConfigPath);
  const dir = databaseFolder(config);
  if (dir === undefined)
    throw msFault(
      "the configuration has no storage for a database",
      "configure an engine, or control_metadata",
    );
  const points = config.accessPoints.map((address) => withDefaultPort(address, config.port));
  const replicas = await resolveReplicas(points);
  return {
    systemName: config.name,
    sys: systemField(config.name),
    dir,
    replicas,
    self: ownReplica(replicas, config.port),
    security: await loadTransportSecurity(config.transportConfig, "server"),
    log,
  };
}

/** As openTarget, for what is done on a replica only. */
export async function openReplicaTarget(
  configPath: string | undefined,
): Promise<MsTarget & { readonly self: string }> {
  const target = await openTarget(configPath);
  // The words of 2.6, which scripts know.
  if (target.self === undefined) throw new Error("this node is not a DAOS Management Service replica");
  return { ...target, self: target.self };
}

/** How a replica is. @throws when it cannot be asked */
export function askReplica(target: MsTarget, addr: string): Promise<ReplicaStateResp> {
  return callUnary(
    ReplicaSvc.method.replicaState,
    addr,
    { sys: target.sys },
    { security: target.security, component: "server", timeoutMs: askTimeoutMs },
  );
}

/** The replicas' states; undefined for one that is not reached, whose reason stands in `problems`. */
export interface ReplicaStates {
  readonly states: ReadonlyMap<string, ReplicaStateResp>;
  readonly problems: ReadonlyMap<string, string>;
}

export async function askAll(target: MsTarget): Promise<ReplicaStates> {
  const states = new Map<string, ReplicaStateResp>();
  const problems = new Map<string, string>();
  await Promise.all(
    target.replicas.map(async (addr) => {
      try {
        states.set(addr, await askReplica(target, addr));
      } catch (error) {
        problems.set(addr, isConnectionError(error) ? "not running, or not reached" : errorText(error));
      }
    }),
  );
  return { states, problems };
}

/** @throws Fault 600 while the server of this host runs: its database cannot be changed under it */
export async function requireStopped(target: MsTarget & { readonly self: string }): Promise<void> {
  try {
    await askReplica(target, target.self);
  } catch (error) {
    if (isConnectionError(error)) return;
    throw error;
  }
  throw msFault(
    `the server at ${target.self} is running`,
    "stop daos_server on this host, then run the command again",
  );
}

/** The latest generation known to the replicas that can be asked. */
export async function latestGeneration(target: MsTarget): Promise<number> {
  const { states } = await askAll(target);
  return Math.max(0, ...[...states.values()].map(({ generation }) => Number(generation)));
}

export function msFault(description: string, resolution: string): Fault {
  return new Fault("server", 600, description, resolution);
}
