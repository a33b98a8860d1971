import { errorText } from "../faults/fault.ts";
import { sendDatagram } from "../ffi/socket.ts";
import type { LogLevel } from "../log/logger.ts";

/** syslog(3): facility daemon, and the severities that 2.6 gives its levels; notices are information to it. */
const LOG_DAEMON = 3 << 3;
const SEVERITY: Partial<Record<LogLevel, number>> = { INFO: 6, NOTICE: 6, ERROR: 3 };

/** Where a system's logger listens, in the order in which they are tried. */
const SOCKETS = ["/dev/log", "/var/run/syslog", "/var/run/log"] as const;
/** A datagram is whole or not at all; journald and rsyslog take this much. */
const MAX_MESSAGE_CHARACTERS = 8_000;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** One message in the form of RFC 3164 that local loggers take (no host name). */
export function syslogLine(tag: string, pid: number, level: LogLevel, message: string, now: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = String(now.getDate()).padStart(2, " ");
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
  const priority = LOG_DAEMON | (SEVERITY[level] ?? 7);
  const text = message.slice(0, MAX_MESSAGE_CHARACTERS);
  return `<${priority}>${MONTHS[now.getMonth()]} ${day} ${time} ${tag}[${pid}]: ${text}\n`;
}

/**
 * A function that hands messages to the system's logger; debug messages are not its business. It never waits: what
 * the logger does not take at once is lost, and `trouble` is told when that begins.
 */
export function createSyslog(
  tag: string,
  trouble: (message: string) => void,
  sockets: readonly string[] = SOCKETS,
): (level: LogLevel, message: string) => void {
  let failing = false;
  return (level, message) => {
    if (SEVERITY[level] === undefined) return;
    const line = syslogLine(tag, process.pid, level, message, new Date());
    let failure: unknown;
    for (const path of sockets) {
      try {
        sendDatagram(path, line);
        failing = false;
        return;
      } catch (error) {
        failure ??= error;
      }
    }
    if (failing) return;
    failing = true;
    trouble(`syslog takes no messages: ${errorText(failure)}`);
  };
}
