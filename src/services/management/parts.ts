import type { Core } from "./core.ts";
import type { EventHandler } from "./events.ts";
import type { GroupUpdater } from "./group-update.ts";
import type { PoolJanitor } from "./pool-janitor.ts";
import type { PoolLocks } from "./pool-locks.ts";

/** What the method families are made from. */
export interface ManagementParts {
  readonly core: Core;
  readonly events: EventHandler;
  readonly poolLocks: PoolLocks;
  /** Undefined unless this server leads. */
  groupUpdater(): GroupUpdater | undefined;
  janitor(): PoolJanitor | undefined;
  /** Ends the service and removes the system's database from this server. */
  erase(): Promise<void>;
}
