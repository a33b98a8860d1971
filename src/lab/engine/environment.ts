import { networkInterfaces } from "node:os";
import { Der, DerError } from "./der.ts";

/** One fabric address the engine serves; the first is the primary one. */
export interface FabricEndpoint {
  /** As configured, e.g. `ofi+tcp` or `ofi+tcp;ofi_rxm`. */
  readonly provider: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** What the emulated engine reads from its environment. */
export interface EngineEnvironment {
  readonly endpoints: readonly FabricEndpoint[];
  /** undefined: log lines go to stdout. */
  readonly logFile: string | undefined;
  readonly logMask: string;
  /** Bytes the first tier offers; undefined: what the file system of the storage path has. */
  readonly scmBytes: bigint | undefined;
  /** Bytes a device offers that the configuration gives no file for (an NVMe address). */
  readonly nvmeDeviceBytes: bigint;
  /** Failure detection: how often a peer is pinged, and how long it may be silent before it counts as dead. */
  readonly pingPeriodMs: number;
  readonly suspectTimeoutMs: number;
  /** How long a rebuild takes. */
  readonly rebuildMs: number;
  /** How long a call looks for a pool service leader. */
  readonly serviceTimeoutMs: number;
  /** Measure, in shared memory; its key is one for all engines with this index on a host. */
  readonly telemetry: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

function number(env: Env, name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined || text === "") return otherwise;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new DerError(Der.INVAL, `${name}=${text} is not a number`);
  return value;
}

function bytes(env: Env, name: string): bigint | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  if (!/^[0-9]+$/.test(text)) throw new DerError(Der.INVAL, `${name}=${text} is not a number of bytes`);
  return BigInt(text);
}

/** The first address of an interface, IPv4 before IPv6. */
export function interfaceAddress(name: string): string {
  const addresses = networkInterfaces()[name] ?? [];
  const chosen = addresses.find((a) => a.family === "IPv4") ?? addresses[0];
  if (chosen === undefined) throw new DerError(Der.INVAL, `interface ${name} has no address`);
  return chosen.address;
}

/**
 * Reads the environment a server gives its engine. D_PROVIDER, D_INTERFACE and D_PORT may each be a list
 * with commas (multi-provider configurations); the first of each is the primary one.
 * The DAOS_LAB_* names are of the lab alone: DAOS_LAB_SCM_BYTES, DAOS_LAB_NVME_DEVICE_BYTES,
 * DAOS_LAB_PING_MS, DAOS_LAB_SUSPECT_MS, DAOS_LAB_REBUILD_MS, DAOS_LAB_SERVICE_TIMEOUT_MS, DAOS_LAB_TELEMETRY
 * ("1": on).
 */
export function readEnvironment(
  env: Env,
  addressOf: (name: string) => string = interfaceAddress,
): EngineEnvironment {
  const providers = (env["D_PROVIDER"] || "ofi+tcp").split(",");
  const interfaces = (env["D_INTERFACE"] || "lo").split(",");
  const ports = (env["D_PORT"] || "0").split(",");
  const endpoints = providers.map((provider, i) => {
    const port = Number(ports[i] ?? "0");
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new DerError(Der.INVAL, `D_PORT=${ports[i]} is not a port`);
    }
    return { provider, host: addressOf(interfaces[i] ?? (interfaces[0] as string)), port };
  });
  return {
    endpoints,
    logFile: env["D_LOG_FILE"] || undefined,
    logMask: env["D_LOG_MASK"] || "INFO",
    scmBytes: bytes(env, "DAOS_LAB_SCM_BYTES"),
    nvmeDeviceBytes: bytes(env, "DAOS_LAB_NVME_DEVICE_BYTES") ?? 1n << 40n,
    pingPeriodMs: number(env, "DAOS_LAB_PING_MS", 400),
    suspectTimeoutMs: number(env, "DAOS_LAB_SUSPECT_MS", 2000),
    rebuildMs: number(env, "DAOS_LAB_REBUILD_MS", 4000),
    telemetry: env["DAOS_LAB_TELEMETRY"] === "1",
    serviceTimeoutMs: number(env, "DAOS_LAB_SERVICE_TIMEOUT_MS", 8000),
  };
}

/** `provider://host:port`, the form in which ranks know each other. */
export function formatUri(endpoint: FabricEndpoint): string {
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `${endpoint.provider}://${host}:${endpoint.port}`;
}

/** @throws DerError DER_INVAL when the text is not `provider://host:port`. */
export function parseUri(uri: string): { host: string; port: number } {
  const match = /^[^:]+:\/\/(?:\[([^\]]+)\]|([^:/]+)):(\d+)$/.exec(uri);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535) throw new DerError(Der.INVAL, `bad fabric URI ${uri}`);
  return { host: (match[1] ?? match[2]) as string, port };
}
