import { randomUUID } from "node:crypto";
import type { Fault } from "../../faults/fault.ts";
import { UnavailableError } from "../../faults/system.ts";
import type { Logger } from "../../log/logger.ts";
import type { EtcdStart } from "./process.ts";

/** What another server keeps on its disk, as far as it knows yet. */
export type PeerStorage = "unknown" | "none" | "single" | "cluster";

export interface BeginOptions {
  /** Control address of this replica, and of all of the configuration, the bootstrap replica first. */
  readonly self: string;
  readonly replicas: readonly string[];
  /** The database of a one-replica system lies here, and is to become that of all. */
  readonly hasSingle: boolean;
  /** That database was put here by a restore or recovery: the system is founded on it, whatever others hold. */
  readonly forced: boolean;
  /** Why this replica, without a database of its own, must not found a system; it waits for one to join. */
  readonly mustNotFound?: Fault;
  /** @throws when the server cannot be asked */
  ask(addr: string): Promise<PeerStorage>;
  /** Asks to be added to the cluster; gives all its members. @throws when it cannot be done now */
  join(): Promise<readonly string[]>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const firstPauseMs = 50;
const longestPauseMs = 500;
/** The others are given so long to come up before anybody is told that nothing is being founded. */
const complainAfterMs = 3_000;

/**
 * How a replica without a database of its own begins. As with 2.6, one founds the system and the others are added
 * to it, one after the other. The founder is the bootstrap replica (first of the configuration), or the one that
 * holds the database of the one-replica system that is to grow. A system is never founded beside one that exists:
 * the founder asks the others first, and goes on only when a majority of all, itself included, is known to have
 * nothing. So a bootstrap replica whose disk was replaced joins the others instead.
 */
export async function beginReplica(options: BeginOptions): Promise<EtcdStart> {
  const { self, replicas, log, signal } = options;
  const others = replicas.filter((addr) => addr !== self);
  let said = "";
  const complainAtMs = performance.now() + complainAfterMs;
  let complained = false;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    signal.throwIfAborted();
    const storages = await Promise.all(
      others.map((addr) => options.ask(addr).catch(() => "unknown" as const)),
    );
    if (storages.includes("cluster")) {
      if (options.hasSingle) {
        throw new Error(
          "this server holds the database of a system with one replica, and other access points hold another " +
            "system: keep one of the two",
        );
      }
      try {
        const members = await options.join();
        return { state: "existing", members, token: "" };
      } catch (error) {
        if (!(error instanceof UnavailableError))
          log.debug(`not added to the other replicas yet: ${String(error)}`);
      }
    } else if (mayFound(options, storages)) {
      log.notice(`founding the management service on ${self}`);
      return { state: "new", members: [self], token: randomUUID() };
    }
    if (options.mustNotFound !== undefined && !complained && performance.now() > complainAtMs) {
      const { message, resolution } = options.mustNotFound;
      log.error(`${message}; ${resolution}`);
      complained = true;
    }
    const now = others.map((addr, index) => `${addr} ${storages[index]}`).join(", ");
    if (now !== said) log.debug(`waiting for the other replicas: ${now}`);
    said = now;
    await Bun.sleep(pauseMs);
  }
}

function mayFound(options: BeginOptions, storages: readonly PeerStorage[]): boolean {
  const { self, replicas, hasSingle } = options;
  if (hasSingle && options.forced) return true;
  if (hasSingle) {
    // Two that both hold a system of one replica were two systems.
    if (storages.includes("single"))
      throw new Error("another access point holds a one-replica system as well");
  } else if (self !== replicas[0] || storages.includes("single") || options.mustNotFound !== undefined) {
    return false;
  }
  const withNothing = 1 + storages.filter((storage) => storage === "none").length;
  return withNothing > replicas.length / 2;
}
