/** Metrics of a server, from the endpoint that Prometheus reads. */
import { wrapError } from "../faults/cause.ts";
import { errorText } from "../faults/fault.ts";
import { type MetricFamily, parsePrometheusText } from "./prometheus-text.ts";

/** One try's deadline, and how many tries a slow endpoint gets (2.6: httpReqTimeout, httpMaxRetries). */
const tryTimeoutMs = 30_000;
const maxRetries = 5;
const retryPauseMs = 1000;

export interface MetricsSource {
  readonly host: string;
  readonly port: number;
  readonly signal?: AbortSignal;
}

/** All families of metrics, sorted by name. @throws Error "unable to list metrics: …" */
export async function listMetrics(source: MetricsSource): Promise<MetricFamily[]> {
  try {
    return [...(await scrape(source)).values()];
  } catch (error) {
    throw wrapError("unable to list metrics", error);
  }
}

/** The families called `names`, in that order; all for none. @throws Error naming the one that is missing */
export async function queryMetrics(source: MetricsSource, names: readonly string[]): Promise<MetricFamily[]> {
  let families: Map<string, MetricFamily>;
  try {
    families = await scrape(source);
  } catch (error) {
    throw wrapError("unable to query metrics", error);
  }
  if (names.length === 0) return [...families.values()];
  return names.map((name) => {
    const family = families.get(name);
    if (family === undefined) throw new Error(`metric "${name}" not found on host`);
    return family;
  });
}

async function scrape({ host, port, signal }: MetricsSource): Promise<Map<string, MetricFamily>> {
  const url = `http://${host}:${port}/metrics`;
  for (let retry = 0; ; retry++) {
    try {
      return parsePrometheusText(await fetchText(url, signal));
    } catch (error) {
      if (!(error instanceof TimeoutError) || retry >= maxRetries) throw error;
      await Bun.sleep(retryPauseMs);
    }
  }
}

class TimeoutError extends Error {}

/** Whether telemetry is on is what most often decides this; the rest speaks for itself. */
function reason(error: unknown): string {
  const code = (error as { readonly code?: unknown }).code;
  return code === "ECONNREFUSED" || code === "ConnectionRefused"
    ? "connection refused (is telemetry_port in the server's configuration, and is this its port?)"
    : errorText(error);
}

async function fetchText(url: string, signal: AbortSignal | undefined): Promise<string> {
  const deadline = AbortSignal.timeout(tryTimeoutMs);
  let response: Response;
  try {
    response = await fetch(url, { signal: signal ? AbortSignal.any([signal, deadline]) : deadline });
  } catch (error) {
    if (deadline.aborted) throw new TimeoutError(`HTTP request "${url}": timed out`);
    throw new Error(`Get "${url}": ${reason(error)}`, { cause: error });
  }
  if (!response.ok) throw new Error(`HTTP response error: ${response.status} ${response.statusText}`);
  return await response.text();
}
