import type { ServerConfig } from "../../config/types.ts";
import type { ManagedHarness } from "../../engine/harness.ts";
import type { Logger } from "../../log/logger.ts";

/** What the control service is made of. */
export interface ControlDeps {
  readonly config: ServerConfig;
  readonly harness: ManagedHarness;
  readonly log: Logger;
  /** Memory tiers are ordinary folders, whose sizes say nothing about memory. */
  readonly scmAsFolder: boolean;
  /**
   * Called before formatted storage is made anew: what keeps files on it must let go. What it returns is
   * called when the storage is there again.
   */
  beforeReformat(): Promise<() => Promise<void>>;
}
