/**
 * What `daosctl agent status` and `refresh` talk to: a socket of our own beside the clients' one, which only root
 * and the agent's user may open. Calls are dRPC frames with JSON bodies; nothing but daosctl speaks it.
 */
import { join } from "node:path";
import { callDrpc, DrpcConnectionError } from "../../drpc/client.ts";
import { listenDrpc } from "../../drpc/server.ts";
import type { DrpcServer } from "../../drpc/types.ts";
import type { Logger } from "../../log/logger.ts";

export const AGENT_CONTROL_SOCKET = "daos_agent_control.sock";

/** A module number far from those of DAOS. */
const MODULE = 7001;
const STATUS = 1;
const REFRESH = 2;

const TIMEOUT_MS = 30_000;

/** What an agent tells of itself. Times in milliseconds. */
export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly system: string;
  readonly socket: string;
  readonly secure: boolean;
  /** "host:port" of the configuration. */
  readonly servers: readonly string[];
  readonly attachInfo: {
    readonly cached: boolean;
    readonly ageMs?: number;
    readonly version?: string;
    readonly ranks: number;
    readonly providers: readonly string[];
    /** Who answered last. */
    readonly server?: string;
    readonly fetches: number;
    readonly failures: number;
    readonly lastError?: string;
  };
  readonly credentialsKept: number;
  readonly calls: readonly {
    readonly method: string;
    readonly calls: number;
    readonly failed: number;
    readonly durationMs: number;
  }[];
  readonly processes: readonly {
    readonly pid: number;
    readonly name: string;
    readonly pools: readonly { readonly pool: string; readonly handles: readonly string[] }[];
  }[];
  /** Handles of processes that are gone, still to be evicted. */
  readonly unfinishedEvictions: number;
  readonly telemetrySegments: number;
}

export interface ControlActions {
  status(): AgentStatus;
  /** @throws Error saying what could not be refreshed */
  refresh(): Promise<void>;
}

export function listenForControl(
  runtimeDir: string,
  actions: ControlActions,
  log: Logger,
): Promise<DrpcServer> {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value));
  return listenDrpc({
    path: join(runtimeDir, AGENT_CONTROL_SOCKET),
    mode: 0o600,
    modules: {
      [MODULE]: {
        [STATUS]: () => encode(actions.status()),
        [REFRESH]: async () => {
          try {
            await actions.refresh();
            return encode({});
          } catch (error) {
            return encode({ error: error instanceof Error ? error.message : String(error) });
          }
        },
      },
    },
    log,
    maxSessions: 16,
  });
}

/** @throws Error saying that no agent runs there, or that it is another user's */
export async function askAgentStatus(runtimeDir: string): Promise<AgentStatus> {
  return (await ask(runtimeDir, STATUS)) as AgentStatus;
}

/** Has an agent look for news: attach info, interfaces, credentials. @throws Error saying what failed */
export async function askAgentRefresh(runtimeDir: string): Promise<void> {
  const { error } = (await ask(runtimeDir, REFRESH)) as { error?: string };
  if (error !== undefined) throw new Error(error);
}

async function ask(runtimeDir: string, method: number): Promise<unknown> {
  const path = join(runtimeDir, AGENT_CONTROL_SOCKET);
  try {
    const body = await callDrpc(path, MODULE, method, new Uint8Array(0), { timeoutMs: TIMEOUT_MS });
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch (error) {
    if (!(error instanceof DrpcConnectionError)) throw error;
    if (error.code === "EACCES") {
      throw new Error(`the agent at ${runtimeDir} belongs to another user: ask as that user or as root`);
    }
    throw new Error(`no agent answers at ${runtimeDir} (${error.code ?? error.message})`, { cause: error });
  }
}
