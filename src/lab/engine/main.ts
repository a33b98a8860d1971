import { hostname } from "node:os";
import { join } from "node:path";
import { MgmtMethod } from "../../drpc/methods.ts";
import { listenDrpc } from "../../drpc/server.ts";
import { DrpcStatusError, Status } from "../../drpc/status.ts";
import type { DrpcHandler, DrpcServer } from "../../drpc/types.ts";
import { contextCount, parseEngineArgs } from "./args.ts";
import { openDevices } from "./devices.ts";
import type { Engine } from "./engine.ts";
import { formatUri, readEnvironment } from "./environment.ts";
import { type FabricServer, listenFabric } from "./fabric.ts";
import { createFabricClient } from "./fabric-client.ts";
import { groupHandlers, membershipOptions, sayGoodbye } from "./group.ts";
import { type EngineLog, openEngineLog } from "./log.ts";
import { createMembership } from "./membership.ts";
import { createRas, nilRank, type Ras } from "./ras.ts";
import { openReplicas } from "./replicas.ts";
import { createPoolServices } from "./service.ts";
import { fileSystemBytes, openShards } from "./shards.ts";
import { openDocuments, storageFolder } from "./storage.ts";
import type { EngineTelemetry } from "./telemetry.ts";
import { createUpcalls } from "./upcall.ts";

const reconsiderPeriodMs = 1000;

/** Hybrid logical clock of the engine: 1/16 ns since 2021, the lowest 18 bits zero. */
function newIncarnation(): bigint {
  const sinceMs = BigInt(Date.now()) - 1_609_459_200_000n;
  return ((sinceMs * 1_000_000n * 16n) >> 18n) << 18n;
}

/** A running emulated engine, for tests and for `runEmulatedEngine`. */
export interface RunningEngine {
  readonly engine: Engine;
  readonly uri: string;
  readonly socketPath: string;
  stop(): Promise<void>;
}

/**
 * Starts an emulated engine in this process and announces it to its server.
 * @throws DerError for arguments the real engine refuses; when storage, ports or the server's socket are
 *   not to be had
 */
export async function startEmulatedEngine(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<RunningEngine> {
  const args = parseEngineArgs(argv);
  const environment = readEnvironment(env);
  const log = openEngineLog(environment.logFile, environment.logMask, args.instance);
  log.print(
    `emulated engine (a lab tool of daosctl, not daos_engine) pid ${process.pid} instance ${args.instance}: ` +
      `${args.targets} targets, storage ${args.storagePath}, group ${args.group}`,
  );
  const incarnation = newIncarnation();
  const documents = await openDocuments(join(args.storagePath, storageFolder));
  const devices = await openDevices(args.nvmeConfig, args.targets, environment.nvmeDeviceBytes, documents);
  const scmBytes = environment.scmBytes ?? (await fileSystemBytes(args.storagePath));
  const capacity = () => ({ scmBytes, nvmeBytes: devices.dataBytes() });
  const shards = await openShards(documents, args.targets, capacity);
  const replicas = await openReplicas(documents);
  const upcalls = createUpcalls(join(args.socketDir, "daos_server.sock"));
  const fabric = createFabricClient(args.group);
  const events = createRas({ upcalls, log, hostname: hostname(), rank: () => membership.self() ?? nilRank });
  const telemetry = await openMetrics(environment.telemetry, args.instance, log);
  const ras: Ras = {
    ...events,
    swimRankDead(rank, itsIncarnation) {
      telemetry.deadRank();
      return events.swimRankDead(rank, itsIncarnation);
    },
  };

  const membership = createMembership(membershipOptions(log, environment, () => engine));
  const services = createPoolServices({
    membership,
    fabric,
    replicas,
    ras,
    log,
    rebuildMs: environment.rebuildMs,
    serviceTimeoutMs: environment.serviceTimeoutMs,
    automatic: !args.checkMode,
    excludes: () => !engine.shuttingDown,
  });
  const engine: Engine = {
    args,
    environment,
    log,
    hostname: hostname(),
    incarnation,
    documents,
    membership,
    fabric,
    services,
    replicas,
    shards,
    devices,
    ras,
    upcalls,
    capacity,
    shuttingDown: false,
  };

  const listeners: FabricServer[] = [];
  for (const { host, port } of environment.endpoints) {
    const handlers = { ...services.handlers, ...groupHandlers(engine) };
    listeners.push(await listenFabric({ host, port, group: args.group, handlers, log }));
  }
  const uris = environment.endpoints.map((endpoint, i) =>
    formatUri({ ...endpoint, port: (listeners[i] as FabricServer).port }),
  );
  const socketPath = join(args.socketDir, `daos_engine_${process.pid}.sock`);
  const drpc: DrpcServer = await listenDrpc({
    path: socketPath,
    mode: 0o600,
    modules: { 2: lazyHandlers(engine) },
    log,
  });

  const nctxs = contextCount(args);
  const [uri, ...secondaryUris] = uris as [string, ...string[]];
  await upcalls.notifyReady({
    uri,
    nctxs,
    drpcListenerSock: socketPath,
    instanceIdx: args.instance,
    ntgts: args.targets,
    incarnation,
    secondaryUris,
    secondaryNctxs: secondaryUris.map(() => nctxs),
    checkMode: args.checkMode,
  });
  log.info(`emulated engine is ready at ${uri}`);
  // A lead that could not be taken when membership changed is taken a little later.
  const reconsidering = setInterval(() => {
    services.reconsider();
    const rank = membership.self();
    if (rank === undefined) return;
    services.askLeaders();
    telemetry.ready(rank);
  }, reconsiderPeriodMs);

  return {
    engine,
    uri,
    socketPath,
    async stop() {
      clearInterval(reconsidering);
      await sayGoodbye(engine);
      services.stop();
      membership.stop();
      fabric.close();
      await Promise.all([...listeners.map((listener) => listener.close()), drpc.close(0)]);
      telemetry.close();
      log.info("emulated engine stops");
      log.close();
    },
  };
}

/** Not loaded by an engine that does not measure. */
async function openMetrics(wanted: boolean, index: number, log: EngineLog): Promise<EngineTelemetry> {
  if (!wanted) return { ready() {}, deadRank() {}, close() {} };
  const { openTelemetry } = await import("./telemetry.ts");
  return openTelemetry(index, log);
}

const handled: readonly number[] = Object.values(MgmtMethod);

/**
 * Handlers are loaded with the first call: the messages they need are much to load, and the server is told
 * of this engine's readiness first.
 */
function lazyHandlers(engine: Engine): Record<number, DrpcHandler> {
  let loading: Promise<Record<number, DrpcHandler>> | undefined;
  const load = () =>
    (loading ??= import("./handlers/index.ts").then(({ engineHandlers }) => engineHandlers(engine)));
  return Object.fromEntries(
    handled.map((method): [number, DrpcHandler] => [
      method,
      async (body, session) => {
        const handler = (await load())[method];
        if (handler === undefined) throw new DrpcStatusError(Status.UNKNOWN_METHOD);
        return handler(body, session);
      },
    ]),
  );
}

/**
 * `daosctl lab engine …`: an emulated engine as a process of its own. Returns when SIGTERM or SIGINT has
 * ended it; what keeps it from starting is thrown.
 */
export async function runEmulatedEngine(argv: string[]): Promise<void> {
  const ended = Promise.withResolvers<undefined>();
  const end = () => ended.resolve(undefined);
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  const starting = startEmulatedEngine(argv, process.env);
  // A server that does not answer the ready notice must not keep the engine from ending.
  const running = await Promise.race([starting, ended.promise]);
  if (running === undefined) process.exit(0);
  await ended.promise;
  await running.stop();
}
