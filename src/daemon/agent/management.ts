import type { ClientContext } from "../../client/context.ts";
import { errorText } from "../../faults/fault.ts";
import type { Logger } from "../../log/logger.ts";

/** Stopping does not wait longer for a management service that does not answer. */
const SHUTDOWN_TIMEOUT_MS = 10_000;

/** Takes pool handles of this node away at the management service. */
export function handleEviction(
  client: ClientContext,
  hosts: readonly string[],
  isShuttingDown: () => boolean,
) {
  return async (pool: string, handles: readonly string[]): Promise<void> => {
    const { evictPoolHandles } = await import("../../client/agent-verbs.ts");
    const timeoutMs = isShuttingDown() ? SHUTDOWN_TIMEOUT_MS : client.timeoutMs;
    await evictPoolHandles({ ...client, timeoutMs }, hosts, pool, handles);
  };
}

/** Has every pool handle of this machine revoked: for an agent that starts after a crash of its node. */
export async function cleanUpMachine(
  client: ClientContext,
  hosts: readonly string[],
  machine: string,
  log: Logger,
): Promise<void> {
  const { cleanUpMachineHandles } = await import("../../client/agent-verbs.ts");
  try {
    const results = await cleanUpMachineHandles(client, hosts, machine);
    const failed = results.filter((result) => result.status !== 0);
    if (failed.length > 0) {
      const text = failed.map((result) => `${result.poolId}: ${result.msg}`).join("; ");
      log.error(`machine "${machine}": system cleanup ran with error: ${text}`);
    } else if (results.length === 0) {
      log.debug(`Running system cleanup on this machine "${machine}": no pool handles revoked`);
    } else {
      const revoked = results.map((result) => `${result.poolId} (${result.count})`).join(", ");
      log.info(`Running system cleanup on this machine "${machine}": Pool handles revoked: ${revoked}`);
    }
  } catch (error) {
    log.error(`machine "${machine}": failed to run system cleanup: ${errorText(error)}`);
  }
}
