import { hostname } from "node:os";
import { join } from "node:path";
import type { ClientContext } from "../client/context.ts";
import { systemField } from "../client/context.ts";
import { hostAddresses } from "../client/hostset.ts";
import { closeConnections } from "../client/transport.ts";
import type { AgentConfig } from "../config/types.ts";
import { drpcMethodName } from "../drpc/methods.ts";
import { listenDrpc } from "../drpc/server.ts";
import { notifyServiceManager } from "../drpc/systemd.ts";
import { errorText } from "../faults/fault.ts";
import { readTopology, type Topology } from "../hardware/topology.ts";
import type { Logger } from "../log/logger.ts";
import { type CredentialSigner, credentialSigner, shortHostName } from "../security/credentials.ts";
import { loadTransportSecurity, type TransportSecurity } from "../security/tls.ts";
import { createAttachInfoCache } from "../services/agent/attach-info.ts";
import { countCalls } from "../services/agent/counters.ts";
import { createFabricSource } from "../services/agent/fabric-source.ts";
import { agentModules } from "../services/agent/index.ts";
import { createProcessMonitor } from "../services/agent/process-monitor.ts";
import { createCredentialRequests } from "../services/agent/request-credentials.ts";
import { createClientTelemetry } from "../services/agent/telemetry.ts";
import { DAOS_VERSION } from "../version.ts";
import { listenForControl } from "./agent/control.ts";
import { cleanUpMachine, handleEviction } from "./agent/management.ts";
import { untilStopped } from "./agent/signals.ts";
import { type AgentParts, agentGauges, agentStatus } from "./agent/status.ts";
import { lookUpUser } from "./agent/users.ts";
import { keepCertificates } from "./certificates.ts";
import { prepareSocketFolder } from "./socket-folder.ts";

/** File name of the socket in the runtime folder; libdaos looks for it under this name. */
export const AGENT_SOCKET = "daos_agent.sock";

/** As the agent calls itself. */
export const AGENT_VERSION_TEXT = `DAOS Agent version ${DAOS_VERSION}`;

const CALL_GRACE_MS = 1_000;

export interface AgentOptions {
  /** As read from the file, with the command line's overrides. */
  readonly config: AgentConfig;
  readonly log: Logger;
  /** Variables 2.6 takes from its environment. */
  readonly disableAttachInfoCache: boolean;
  readonly disableFabricCache: boolean;
}

export interface Agent {
  readonly socketPath: string;
  flushHandles(): Promise<void>;
  refreshCaches(): Promise<void>;
  /** Gives back all pool handles, unless configured not to, and ends. */
  stop(): Promise<void>;
}

/**
 * Brings an agent up; resolves when clients can call it. Servers need not be there yet.
 * @throws Fault when certificates are wrong (7xx) or another agent has the socket (6)
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { config, log } = options;
  log.info(`Starting ${AGENT_VERSION_TEXT} (pid ${process.pid})`);
  const certificates = await keepCertificates(
    await loadTransportSecurity(config.transportConfig, "agent"),
    config.transportConfig,
    "agent",
    log,
  );
  const { transport } = certificates;
  const signer = signerOf(transport);
  const hosts = hostAddresses(config.accessPoints, config.port);
  const client: ClientContext = {
    security: transport,
    component: "agent",
    sys: systemField(config.name),
    log,
  };
  const machineName = () => shortHostName(hostname());
  const startedAt = performance.now();
  const stopping = new AbortController();
  let shuttingDown = false;
  const isShuttingDown = () => shuttingDown;

  const source = createAttachInfoCache({
    client,
    hosts,
    log,
    disabled: config.disableCaching || options.disableAttachInfoCache,
    expiryMs: config.cacheExpiration * 60_000,
  });
  const fabric = createFabricSource({
    configured: config.fabricIfaces,
    excluded: config.excludeFabricIfaces,
    disabled: config.disableCaching || options.disableFabricCache,
    signal: stopping.signal,
    log,
  });
  const monitor = createProcessMonitor({ evict: handleEviction(client, hosts, isShuttingDown), log });
  if (config.enableEvictOnStart) await cleanUpMachine(client, hosts, machineName(), log);
  let topology: Promise<Topology> | undefined;

  const credentials = createCredentialRequests({
    lookUp: lookUpUser,
    machineName,
    get signingKey() {
      return signer();
    },
    log,
  });
  const telemetry = createClientTelemetry(config.telemetryPort !== undefined);
  const { modules, counts } = countCalls(
    agentModules({
      attachInfo: {
        systemName: config.name,
        providerIndex: config.providerIdx,
        clientEnvVars: telemetryVariables(config),
        source,
        fabric,
        topology: () => (topology ??= readTopology()),
        log,
      },
      credentials,
      setupTelemetry: telemetry.setup,
      monitor,
      isShuttingDown,
    }),
    drpcMethodName,
  );

  await prepareSocketFolder(config.runtimeDir, log);
  const server = await listenDrpc({
    path: join(config.runtimeDir, AGENT_SOCKET),
    mode: 0o666, // every user's processes are clients
    modules,
    fair: true,
    log,
  });
  const refreshCaches = async (): Promise<void> => {
    credentials.forget();
    const results = await Promise.allSettled([fabric.refresh(), source.refresh()]);
    const failed = results.filter((result) => result.status === "rejected");
    if (failed.length > 0) throw new Error(failed.map(({ reason }) => errorText(reason)).join("; "));
  };
  const parts = { config, hosts, source, credentials, monitor, telemetry, counts, server };
  const status = () => agentStatus(parts, startedAt);
  const control = await listenForControl(config.runtimeDir, { status, refresh: refreshCaches }, log);
  const exporter =
    config.telemetryPort === undefined
      ? undefined
      : await startExporter(config.telemetryPort, config.telemetryRetain, parts, log);
  log.info(`${AGENT_VERSION_TEXT} (pid ${process.pid}) listening on ${server.path}`);

  return {
    socketPath: server.path,
    flushHandles: () => monitor.flush(),
    refreshCaches: () =>
      refreshCaches().catch((error) => log.error(`refreshing caches: ${errorText(error)}`)),
    async stop() {
      shuttingDown = true;
      stopping.abort(new Error("the agent is shutting down"));
      if (!config.disableAutoEvict) await monitor.flush(true);
      monitor.stop();
      await Promise.all([server.close(CALL_GRACE_MS), control.close(0), exporter?.stop()]);
      certificates.stop();
      closeConnections();
    },
  };
}

/** What clients are told to set in their environment, as 2.6's agent does. */
function telemetryVariables(config: AgentConfig): string[] {
  if (!config.telemetryEnabled) return [];
  const retain = config.telemetryRetain > 0 ? ["D_CLIENT_METRICS_RETAIN=1"] : [];
  return ["D_CLIENT_METRICS_ENABLE=1", ...retain];
}

/** Loaded where it is wanted: most agents export nothing. */
async function startExporter(port: number, retainMs: number, parts: AgentParts, log: Logger) {
  const { startAgentExporter } = await import("./agent/telemetry.ts");
  const { telemetry, counts } = parts;
  return startAgentExporter({ port, retainMs, telemetry, counts, gauges: () => agentGauges(parts), log });
}

/** Signs with the key that is in use when it is asked. */
function signerOf(transport: TransportSecurity): () => CredentialSigner | undefined {
  if (transport.insecure) return () => undefined;
  let signer: CredentialSigner | undefined;
  transport.onChange?.(() => {
    signer = undefined;
  });
  return () => (signer ??= credentialSigner(transport.cert, transport.key));
}

/** Runs an agent until SIGINT or SIGTERM. @throws as startAgent */
export async function runAgent(options: AgentOptions): Promise<void> {
  const agent = await startAgent(options);
  const stopped = untilStopped(options.log, agent);
  notifyServiceManager("READY=1");
  await stopped;
  notifyServiceManager("STOPPING=1");
  await agent.stop();
}
