/** Levels in rising weight, as `control_log_mask` names them. */
export type LogLevel = "DEBUG" | "INFO" | "NOTICE" | "ERROR" | "DISABLED";

/**
 * Where a daemon says what it does. One line a call; the text is a phrase that tools look for, so it is
 * written once and kept (BEHAVIOUR: words and documents).
 */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  notice(message: string): void;
  error(message: string): void;
}

/** For tests and for code that runs before a log exists. */
export const silentLogger: Logger = { debug() {}, info() {}, notice() {}, error() {} };
