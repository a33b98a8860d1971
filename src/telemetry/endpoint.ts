import { errorText } from "../faults/fault.ts";
import type { Logger } from "../log/logger.ts";

export interface EndpointOptions {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly log: Logger;
  /** Of the page for people. Default: that of a server. */
  readonly title?: string;
  /** Everything there is to tell now, in Prometheus' text format. */
  text(): Promise<string>;
}

export interface Endpoint {
  /** Addresses it listens on, "host:port". */
  readonly addresses: readonly string[];
  stop(): Promise<void>;
}

const TITLE = "DAOS Engine Telemetry";
const pageText = (title: string) => `<html><head><title>${title}</title></head><body><h1>${title}</h1>
<p><a href="/metrics">Metrics</a></p></body></html>
`;
const TEXT = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Answers GET /metrics over HTTP, to anybody, as 2.6 does. An address that cannot be had is logged, and the
 * server runs on without it: nobody loses storage over a port.
 */
export function serveTelemetry(options: EndpointOptions): Endpoint {
  const { log } = options;
  const servers = options.hosts.flatMap((hostname) => {
    const where = `${hostname}:${options.port}`;
    try {
      const server = Bun.serve({
        hostname,
        port: options.port,
        fetch: (request) => answer(request, options),
        error(error) {
          log.error(`telemetry: ${errorText(error)}`);
          return new Response("no metrics now\n", { status: 500 });
        },
      });
      log.info(`Listening on ${hostname}:${server.port}`);
      return [server];
    } catch (error) {
      log.error(`telemetry: cannot listen on ${where}: ${errorText(error)}`);
      return [];
    }
  });
  return {
    addresses: servers.map((server) => `${server.hostname}:${server.port}`),
    async stop() {
      await Promise.all(servers.map((server) => server.stop(true)));
    },
  };
}

async function answer(request: Request, options: EndpointOptions): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("this port tells metrics\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  if (new URL(request.url).pathname !== "/metrics") {
    return new Response(pageText(options.title ?? TITLE), {
      headers: { "content-type": "text/html; charset=utf-8" },
    });
  }
  return new Response(await options.text(), { headers: { "content-type": TEXT } });
}
