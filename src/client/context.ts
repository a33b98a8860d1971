import type { Logger } from "../log/logger.ts";
import type { TransportSecurity } from "../security/tls.ts";
import type { Component } from "../services/method.ts";

/** What every call of the control API needs. Servers and agents make their own; dmg's is a DmgClient. */
export interface ClientContext {
  readonly security: TransportSecurity;
  /** Who we are: the component header, and in secure mode the CN of our certificate. */
  readonly component: Component;
  /** System name and version, "daos_server-2.6.0"; the `sys` field of requests. */
  readonly sys: string;
  /** Deadline of a whole operation, retries included. Default: see each verb. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly log?: Logger | undefined;
}

/** A context that also knows whom to ask: where the control configuration is known. */
export interface DmgClient extends ClientContext {
  /** "host:port" of every server of the configuration, or of -l. */
  readonly hosts: readonly string[];
  readonly systemName: string;
}

/** The DAOS version whose contract we speak. Servers of another minor version refuse it. */
export const contractVersion = "2.6.0";

export function systemField(systemName: string): string {
  return `${systemName}-${contractVersion}`;
}

/** What an operation may take when nobody says otherwise (2.6: defaultRequestTimeout). */
export const defaultTimeoutMs = 5 * 60_000;
