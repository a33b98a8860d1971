import { hostname } from "node:os";
import { join } from "node:path";
import { systemField } from "../client/context.ts";
import { closeConnections } from "../client/transport.ts";
import { serverFaultDomain } from "../config/fault-domain.ts";
import { settleHugepages } from "../config/memory.ts";
import { copyServerConfig } from "../config/overrides.ts";
import { saveActiveConfig } from "../config/to-yaml.ts";
import type { ServerConfig } from "../config/types.ts";
import { prepareServerConfig } from "../config/validate.ts";
import { listenDrpc } from "../drpc/server.ts";
import { notifyServiceManager, type ServiceState } from "../drpc/systemd.ts";
import type { DrpcServer } from "../drpc/types.ts";
import { createHarness, type ManagedHarness } from "../engine/harness.ts";
import { errorText } from "../faults/fault.ts";
import { CtlSvc } from "../gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../gen/mgmt/mgmt_pb.ts";
import { ReplicaSvc } from "../gen/replica/replica_pb.ts";
import { TokenSvc } from "../gen/token/token_pb.ts";
import { readMemInfo } from "../hardware/meminfo.ts";
import { keepCodePagesFew } from "../helper/code-pages.ts";
import type { Logger } from "../log/logger.ts";
import { loadTransportSecurity } from "../security/tls.ts";
import { createControlService } from "../services/control/index.ts";
import { createManagement, createPeers } from "../services/management/index.ts";
import { replicaService } from "../services/replica/service.ts";
import { securityModules } from "../services/security.ts";
import { rpcService, serveRpc } from "../services/serve.ts";
import { prepareConfiguredNvme } from "../storage/prepare/start.ts";
import { removeDeadTelemetry } from "../telemetry/leftovers.ts";
import { DAOS_VERSION } from "../version.ts";
import { keepCertificates } from "./certificates.ts";
import { ownReplica, resolveReplicas } from "./server/address.ts";
import { engineModules, mergeModules } from "./server/drpc.ts";
import { createEngines } from "./server/engines.ts";
import { openEnrollment } from "./server/enrollment.ts";
import { awaitFabric, clientNetHints, engineNumaNode, type FabricDevices } from "./server/fabric.ts";
import { cleanHugepages, detachFolderSizes, prepareHugepages, setCoreDumpFilter } from "./server/host.ts";
import { createJoin } from "./server/join.ts";
import { databaseFolder, engineFacts } from "./server/replica.ts";
import { createReplicaHost } from "./server/replica-host.ts";
import { listenFault, removeStaleSockets } from "./server/sockets.ts";
import { createServerTelemetry, type ServerTelemetry } from "./server/telemetry.ts";
import { prepareSocketFolder } from "./socket-folder.ts";

/** How long engines may take to stop in order before they are killed. */
const ENGINE_GRACE_MS = 10_000;
/** How long running calls may take to finish once the engines are gone. */
const CALL_GRACE_MS = 1_000;

export interface ServerOptions {
  /** As read from the file, with the command line's overrides. */
  readonly config: ServerConfig;
  readonly log: Logger;
  /** Format storage without being told to. */
  readonly autoFormat: boolean;
  /** Keep "ram" tiers in ordinary folders: for a server that may not mount. */
  readonly scmAsFolder: boolean;
  /** Key of the CA with which nodes that have a token get certificates; undefined: they get none here. */
  readonly joinCaKey?: string | undefined;
  /** Addresses to listen on; none: every IPv4 address, as 2.6. */
  readonly listen: readonly string[];
}

export interface Server {
  /** Control port. */
  readonly port: number;
  readonly harness: ManagedHarness;
  /** Stops engines in order, then the services. Resolves when everything is released. */
  stop(): Promise<void>;
}

/** What a start finds out about its host before it can judge the configuration. */
async function prepare(options: ServerOptions, signal: AbortSignal) {
  const { log, scmAsFolder } = options;
  const draft = copyServerConfig(options.config);
  const restoreSizes = scmAsFolder ? await detachFolderSizes(draft, log) : undefined;
  const [memory, devices, hostFaultDomain, transport] = await Promise.all([
    readMemInfo(),
    awaitFabric(draft, log, signal),
    serverFaultDomain(draft),
    loadTransportSecurity(draft.transportConfig, "server"),
  ]);
  const config = prepareServerConfig(draft, {
    memory: scmAsFolder ? undefined : memory,
    affinity: (engine) => engineNumaNode(engine, devices),
    log,
  });
  if (restoreSizes !== undefined) {
    settleHugepages(config, memory, log);
    restoreSizes(config);
  }
  const replicas = await resolveReplicas(config.accessPoints);
  return { config, memory, devices, hostFaultDomain, transport, replicas };
}

type Prepared = Awaited<ReturnType<typeof prepare>>;

/** The rooms wired together; nothing listens and nothing runs yet. */
function assemble(options: ServerOptions, prepared: Prepared, telemetry: ServerTelemetry) {
  const { log, scmAsFolder } = options;
  const { config, devices, transport, replicas } = prepared;
  const replica = ownReplica(replicas, config.port);
  const selfAddr = replica ?? `0.0.0.0:${config.port}`;
  const peers = createPeers({
    security: transport,
    component: "server",
    sys: systemField(config.name),
    log,
  });

  let harness: ManagedHarness | undefined;
  let replicaStart: Promise<void> | undefined;
  let stopping = false;
  const replicaHost = createReplicaHost({
    systemName: config.name,
    sys: systemField(config.name),
    self: replica,
    replicas,
    transport,
    log,
    dir: databaseFolder(config),
    awaitsFormat: () => harness?.instances[0]?.isAwaitingFormat() ?? false,
    dataVersion: () => management.dataVersion(),
    settings: config.managementService,
    onSuperseded() {
      log.notice("the system was restored on another replica: joining it");
      void stopReplica().then(startReplica);
    },
  });
  const management = createManagement({
    systemName: config.name,
    version: DAOS_VERSION,
    replicas,
    selfAddr,
    hostname: hostname(),
    harness: {
      get instances() {
        return harness?.instances ?? [];
      },
      isStarted: () => harness?.isStarted() ?? false,
      callDrpc: (method, body, callOptions) => engines.callDrpc(method, body, callOptions),
    },
    log,
    openStore: async (dir) => telemetry.store(await replicaHost.openStore(dir)),
    peers,
    clientNetHints: hintsOf(config, devices),
    engine: engineFacts(config),
    now: () => new Date(),
  });

  /** Begins to serve the system's database, which lives beside the first engine's storage. */
  const startReplica = () => {
    const dir = databaseFolder(config);
    if (replica === undefined || dir === undefined) return;
    replicaStart = management.start({ dir });
    replicaStart.catch((error: unknown) => {
      if (!stopping) log.error(`management service: ${errorText(error)}`);
    });
  };
  const stopReplica = async () => {
    stopping = true;
    replicaHost.interrupt();
    await management.stop();
    stopping = false;
  };

  const engines: ManagedHarness = createHarness(
    createEngines({
      config,
      devices,
      hostname: hostname(),
      hostFaultDomain: prepared.hostFaultDomain,
      scmAsFolder,
      bootstrap: replica !== undefined && replica === replicas[0],
      log,
      join: telemetry.join(
        createJoin({
          systemName: config.name,
          selfAddr,
          replicas,
          peers,
          log,
          local: replica === undefined ? undefined : management,
          // With other replicas the leader may well be another, and this one wait for it.
          localStarted: () => (replicas.length > 1 ? undefined : replicaStart) ?? Promise.resolve(),
        }),
      ),
      observe: telemetry.engineCalls,
      publish: (event) => void management.handleEvent(event),
      onStorageReady(instance) {
        if (instance.index === 0) startReplica();
      },
    }),
  );
  harness = engines;

  const control = createControlService({
    config,
    harness: engines,
    log,
    scmAsFolder,
    async beforeReformat() {
      await stopReplica();
      replicaStart = undefined;
      // The engines that start on the new storage bring it up again.
      return async () => undefined;
    },
  });
  return { engines, management, control, selfAddr, replica, replicaHost, stopReplica };
}

/** Hints for clients; a server without engines has none of its own. */
function hintsOf(config: ServerConfig, devices: FabricDevices) {
  const hints = clientNetHints(config, devices);
  return hints.length > 0 ? hints : [{ provider: config.provider ?? "" }];
}

/**
 * Brings a server up: resolves once it listens and its engines have been told to start; storage that needs a
 * format, a leader that is away, and the like are then waited for. `signal` breaks off a start that waits.
 * @throws Fault of whatever keeps the server from running; nothing is left behind then
 */
export async function startServer(options: ServerOptions, signal: AbortSignal): Promise<Server> {
  const { log } = options;
  const found = await prepare(options, signal);
  const { config } = found;
  const certificates = await keepCertificates(found.transport, config.transportConfig, "server", log);
  const { transport } = certificates;
  const prepared = { ...found, transport };
  const hosts = options.listen.length > 0 ? options.listen : ["0.0.0.0"];
  const telemetry = await createServerTelemetry({
    port: config.telemetryPort,
    hosts,
    log,
    instances: () => engines.instances,
  });
  const { engines, management, control, selfAddr, replica, replicaHost, stopReplica } = assemble(
    options,
    prepared,
    telemetry,
  );

  const doorstep = await openEnrollment({
    caKey: options.joinCaKey,
    transport,
    replicas: prepared.replicas,
    sys: systemField(config.name),
    log,
  }).catch((error: unknown) => {
    certificates.stop();
    throw error;
  });
  const listen = hosts.map((host) => ({ host, port: config.port }));
  const rpc = await serveRpc({
    services: [
      rpcService(CtlSvc, control.service),
      rpcService(MgmtSvc, management.service),
      rpcService(ReplicaSvc, replicaService(replicaHost)),
      rpcService(TokenSvc, management.tokens),
    ],
    raw: replicaHost.raw,
    doorstep,
    transport,
    listen,
    systemName: config.name,
    log,
    component: "server",
    observe: telemetry.rpc,
  }).catch(async (error: unknown) => {
    await telemetry.stop();
    certificates.stop();
    throw listenFault(listen, error);
  });
  let drpc: DrpcServer | undefined;
  const release = async () => {
    await stopReplica();
    await telemetry.stop();
    replicaHost.close();
    await rpc.close(CALL_GRACE_MS);
    await drpc?.close(CALL_GRACE_MS);
    certificates.stop();
    closeConnections();
  };

  try {
    log.info(
      `DAOS Control Server v${DAOS_VERSION} (pid ${process.pid}) listening on ` +
        `${replica === undefined ? `0.0.0.0:${rpc.port}` : selfAddr}`,
    );
    await prepareSocketFolder(config.socketDir, log);
    drpc = await listenDrpc({
      path: join(config.socketDir, "daos_server.sock"),
      mode: 0o600,
      modules: telemetry.modules(
        mergeModules(management.drpc, securityModules(transport, log), engineModules(engines, log)),
      ),
      log,
    });
    await Promise.all([removeStaleSockets(config.socketDir), cleanHugepages(config, log)]);
    await telemetry.start(rpc);
    await Promise.all([
      removeDeadTelemetry(config.engines.length, log),
      prepareConfiguredNvme(config, log),
      options.scmAsFolder ? undefined : prepareHugepages(config, prepared.memory, log),
      setCoreDumpFilter(config.coreDumpFilter, log),
      saveActiveConfig(config).then(
        (path) => log.debug(`active config saved to ${path} (read-only)`),
        (error: unknown) => log.debug(`active config could not be saved: ${errorText(error)}`),
      ),
    ]);
    if (options.autoFormat) {
      log.notice("--auto flag set on server start so formatting storage now");
      await control.format({ reformat: false });
    }
    signal.throwIfAborted();
    engines.start();
  } catch (error) {
    await engines.shutdown(0);
    await release();
    throw error;
  }

  let stopping: Promise<void> | undefined;
  return {
    port: rpc.port,
    harness: engines,
    stop() {
      stopping ??= engines
        .shutdown(ENGINE_GRACE_MS)
        .then(() => removeDeadTelemetry(config.engines.length, log))
        .finally(release);
      return stopping;
    },
  };
}

/** A service manager that cannot be told is no reason not to serve. */
function tell(state: ServiceState, log: Logger): void {
  try {
    notifyServiceManager(state);
  } catch (error) {
    log.notice(`the service manager was not told ${state}: ${errorText(error)}`);
  }
}

/**
 * Runs a server until SIGINT, SIGQUIT or SIGTERM, then stops it in order. A second signal kills the engines.
 * Resolves when the process may end.
 */
export async function runServer(options: ServerOptions): Promise<void> {
  const { log } = options;
  const stopAsked = new AbortController();
  let server: Server | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    log.debug(`Caught signal: ${name}`);
    if (stopAsked.signal.aborted) {
      for (const instance of server?.harness.instances ?? []) instance.stop("SIGKILL");
    }
    stopAsked.abort(new Error(`stopped by ${name}`));
  };
  const signals: NodeJS.Signals[] = ["SIGINT", "SIGQUIT", "SIGTERM"];
  for (const name of signals) process.on(name, onSignal);
  const stopReleasing = keepCodePagesFew((error) => log.debug(`pages of code stay: ${errorText(error)}`));
  try {
    server = await startServer(options, stopAsked.signal);
    tell("READY=1", log);
    if (!stopAsked.signal.aborted) {
      await new Promise((resolve) => stopAsked.signal.addEventListener("abort", resolve, { once: true }));
    }
    tell("STOPPING=1", log);
    await server.stop();
  } catch (error) {
    if (!stopAsked.signal.aborted) throw error;
  } finally {
    stopReleasing();
    for (const name of signals) process.off(name, onSignal);
  }
  log.info(`DAOS Control Server (pid ${process.pid}) shutting down`);
}
