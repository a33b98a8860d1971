import { parseHostSet } from "../../../client/hostset.ts";
import type { MetricsSource } from "../../../client/telemetry.ts";
import { text, uint32 } from "../arguments.ts";
import type { Session } from "../session.ts";

/** One host and the port of its metrics. */
export const metricsArgs = {
  "host-list": {
    type: "string",
    alias: "l",
    default: "localhost",
    description: "Single host to read metrics from",
    valueHint: "host",
  },
  port: {
    type: "string",
    alias: "p",
    default: "9191",
    description: "Telemetry port on the host",
    valueHint: "port",
  },
} as const;

/** Says whom it connects to. @throws Error for more than one host */
export function metricsSource(session: Session): MetricsSource {
  const hosts = parseHostSet(text(session.args, "host-list") ?? "");
  if (hosts.length !== 1) throw new Error("must specify a single host");
  // A control port in the name is not that of the metrics.
  const host = hosts[0]!.split(":")[0]!;
  const port = uint32(session.args, "port") ?? 0;
  if (port === 0) throw new Error("port must be specified");
  session.say(`connecting to ${host}:${port}...`);
  return { host, port, signal: session.signal };
}
