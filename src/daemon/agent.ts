import { createPrivateKey } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { ClientContext } from "../client/context.ts";
import { systemField } from "../client/context.ts";
import { hostAddresses } from "../client/hostset.ts";
import { closeConnections } from "../client/transport.ts";
import type { AgentConfig } from "../config/types.ts";
import { listenDrpc } from "../drpc/server.ts";
import { notifyServiceManager } from "../drpc/systemd.ts";
import { errorText } from "../faults/fault.ts";
import { readTopology, type Topology } from "../hardware/topology.ts";
import type { Logger } from "../log/logger.ts";
import { shortHostName } from "../security/credentials.ts";
import { loadTransportSecurity } from "../security/tls.ts";
import { createAttachInfoCache } from "../services/agent/attach-info.ts";
import { createFabricSource } from "../services/agent/fabric-source.ts";
import { agentModules } from "../services/agent/index.ts";
import { createProcessMonitor } from "../services/agent/process-monitor.ts";
import { DAOS_VERSION } from "../version.ts";
import { cleanUpMachine, handleEviction } from "./agent/management.ts";
import { untilStopped } from "./agent/signals.ts";
import { lookUpUser } from "./agent/users.ts";

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
  if (config.telemetryEnabled) log.notice("telemetry_enabled: this agent collects no client telemetry");
  const transport = await loadTransportSecurity(config.transportConfig, "agent");
  const hosts = hostAddresses(config.accessPoints, config.port);
  const client: ClientContext = {
    security: transport,
    component: "agent",
    sys: systemField(config.name),
    log,
  };
  const machineName = () => shortHostName(hostname());
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
    log,
  });
  const monitor = createProcessMonitor({ evict: handleEviction(client, hosts, isShuttingDown), log });
  if (config.enableEvictOnStart) await cleanUpMachine(client, hosts, machineName(), log);
  let topology: Promise<Topology> | undefined;

  await mkdir(config.runtimeDir, { recursive: true });
  const server = await listenDrpc({
    path: join(config.runtimeDir, AGENT_SOCKET),
    mode: 0o666, // every user's processes are clients
    modules: agentModules({
      attachInfo: {
        systemName: config.name,
        providerIndex: config.providerIdx,
        clientEnvVars: [],
        source,
        fabric,
        topology: () => (topology ??= readTopology()),
        log,
      },
      credentials: {
        lookUp: lookUpUser,
        machineName,
        signingKey: transport.insecure ? undefined : createPrivateKey(transport.key),
        log,
      },
      monitor,
      isShuttingDown,
    }),
    log,
  });
  log.info(`${AGENT_VERSION_TEXT} (pid ${process.pid}) listening on ${server.path}`);

  return {
    socketPath: server.path,
    flushHandles: () => monitor.flush(),
    async refreshCaches() {
      const results = await Promise.allSettled([fabric.refresh(), source.refresh()]);
      for (const result of results) {
        if (result.status === "rejected") log.error(`refreshing caches: ${errorText(result.reason)}`);
      }
    },
    async stop() {
      shuttingDown = true;
      if (!config.disableAutoEvict) await monitor.flush(true);
      monitor.stop();
      await server.close(CALL_GRACE_MS);
      closeConnections();
    },
  };
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
