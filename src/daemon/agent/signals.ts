import type { Logger } from "../../log/logger.ts";

export interface AgentSignals {
  /** SIGUSR1. */
  flushHandles(): Promise<void>;
  /** SIGUSR2. */
  refreshCaches(): Promise<void>;
}

/** SIGUSR1 flushes pool handles, SIGUSR2 refreshes caches; resolves with the first SIGINT or SIGTERM. */
export function untilStopped(log: Logger, actions: AgentSignals): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.on("SIGPIPE", () => log.info("Signal received.  Caught non-fatal broken pipe; continuing"));
  process.on("SIGUSR1", () => {
    log.info("Signal received.  Caught user defined signal 1; flushing open pool handles");
    void actions.flushHandles();
  });
  process.on("SIGUSR2", () => {
    log.info("Signal received. Caught user defined signal 2; refreshing caches");
    void actions.refreshCaches();
  });
  const stop = (what: string) => () => {
    log.info(`Signal received.  Caught ${what}; shutting down`);
    resolve();
  };
  process.once("SIGINT", stop("interrupt"));
  process.once("SIGTERM", stop("terminated"));
  return promise;
}
