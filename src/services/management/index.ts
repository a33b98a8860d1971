import { rm } from "node:fs/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DrpcModules } from "../../drpc/types.ts";
import { errorText } from "../../faults/fault.ts";
import type { MgmtSvc } from "../../gen/mgmt/mgmt_pb.ts";
import type { RASEventSchema } from "../../gen/shared/event_pb.ts";
import type { TokenSvc } from "../../gen/token/token_pb.ts";
import type { Logger } from "../../log/logger.ts";
import type { Store, StoreChange } from "../../store/store.ts";
import { stateFromRecords } from "../../system/records.ts";
import { emptyState } from "../../system/state.ts";
import type { ServiceImpl } from "../method.ts";
import { createCore, type Running } from "./core.ts";
import type { ManagementDeps } from "./deps.ts";
import { createEventHandler } from "./events.ts";
import { createJournal, type Journal } from "./journal.ts";
import { createLeadership } from "./leadership.ts";
import { managementMethods } from "./methods.ts";
import type { ManagementParts } from "./parts.ts";
import { createPoolLocks } from "./pool-locks.ts";
import { managementDrpc } from "./srv-module.ts";
import { tokenMethods } from "./tokens.ts";

export type { EngineFacts, ManagementDeps } from "./deps.ts";
export { createPeers, type PeerOptions, type Peers } from "./peers.ts";

/** The management service of one server. */
export interface Management {
  /** Handlers of mgmt.MgmtSvc. They answer from the start: that this is no replica, or not ready yet. */
  readonly service: ServiceImpl<typeof MgmtSvc>;
  /** Handlers of daosctl.TokenSvc: the tokens with which nodes get a certificate. */
  readonly tokens: ServiceImpl<typeof TokenSvc>;
  /** What engines ask (module SRV, all but NotifyReady). */
  readonly drpc: DrpcModules;
  /**
   * Opens the system's database in `dir` and begins to serve. To be called each time the storage of the
   * replica is ready; does nothing while it runs.
   */
  start(options: { readonly dir: string }): Promise<void>;
  /** Logs an event of this server, and acts on it or forwards it to who must. Never throws. */
  handleEvent(event: MessageInitShape<typeof RASEventSchema>): Promise<void>;
  /** "ip:port" of the leader as far as known, or "". */
  leaderAddr(): string;
  /** Version of the system as this server serves it; 0 while it serves none. */
  dataVersion(): bigint;
  /** Ends the service and closes the database; it may be started again. */
  stop(): Promise<void>;
}

/** Puts the management service together. It serves once it has been started. */
export function createManagement(deps: ManagementDeps): Management {
  let running: (Running & { readonly dir: string }) | undefined;
  let starting: Promise<void> | undefined;
  const core = createCore(
    deps,
    () => running,
    () => starting !== undefined,
  );
  const poolLocks = createPoolLocks(deps.now);
  const events = createEventHandler(core, { groupUpdater: () => leadership.groupUpdater(), poolLocks });
  const leadership = createLeadership(core, { events, poolLocks });
  const parts: ManagementParts = {
    core,
    events,
    poolLocks,
    groupUpdater: () => leadership.groupUpdater(),
    janitor: () => leadership.janitor(),
    erase: async () => {
      const dir = running?.dir;
      await stop();
      if (dir !== undefined) await rm(dir, { recursive: true, force: true });
    },
  };

  const open = async (dir: string): Promise<void> => {
    const store = await deps.openStore(dir);
    try {
      running = { dir, store, journal: await followStore(store, deps.log) };
      await leadership.follow(running);
    } catch (error) {
      running = undefined;
      await leadership.end();
      await closeQuietly(store);
      throw error;
    }
  };

  const closeQuietly = async (store: Store): Promise<void> => {
    try {
      await store.close();
    } catch (error) {
      deps.log.error(`closing the system database: ${errorText(error)}`);
    }
  };

  const stop = async (): Promise<void> => {
    await starting?.catch(() => undefined);
    const ending = running;
    running = undefined;
    await leadership.end();
    if (ending !== undefined) await closeQuietly(ending.store);
  };

  return {
    service: managementMethods(parts),
    tokens: tokenMethods(core),
    drpc: managementDrpc(parts),
    async start({ dir }) {
      if (running !== undefined) return;
      starting ??= open(dir).finally(() => {
        starting = undefined;
      });
      await starting;
    },
    handleEvent: (event) => events.publish(event),
    leaderAddr: () => running?.store.leadership().leaderHint ?? "",
    dataVersion: () => running?.journal.state().version ?? 0n,
    stop,
  };
}

/**
 * The system as the store has it, following what other replicas write from here on. What they write while
 * it is read is taken over afterwards: written twice is as good as once, and the order is kept.
 */
async function followStore(store: Store, log: Logger): Promise<Journal> {
  let journal: Journal | undefined;
  const early: StoreChange[] = [];
  store.onChange((change) => {
    if (journal === undefined) early.push(change);
    else take(journal, change, log);
  });
  journal = createJournal(stateFromRecords(await store.load(), emptyState()), store);
  for (const change of early) take(journal, change, log);
  return journal;
}

function take(journal: Journal, change: StoreChange, log: Logger): void {
  try {
    journal.follow(change);
  } catch (error) {
    log.error(`this replica cannot follow the system, and will not lead it: ${errorText(error)}`);
  }
}
