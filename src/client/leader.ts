import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { errorText, Fault } from "../faults/fault.ts";
import { NotLeaderError, NotReplicaError } from "../faults/system.ts";
import {
  isConnectionError,
  isTimeout,
  isUnavailable,
  isUninitialized,
  ManagementUnreachableError,
} from "./connection-errors.ts";
import { type ClientContext, defaultTimeoutMs } from "./context.ts";
import { callUnary } from "./transport.ts";

/** Servers asked at first when nobody knows the replicas yet (2.6: maxMSCandidates). */
const maxCandidates = 5;
/** Backoff between tries (2.6: baseMSBackoff, doubled up to a limit, with jitter). */
const baseBackoffMs = 250;
const maxBackoffFactor = 7;
/** How long a first answer waits for a fresher one of another replica. */
const freshnessGraceMs = 250;

export interface LeaderOptions {
  /** One try's deadline, shorter than the whole operation's. */
  readonly tryTimeoutMs?: number;
  /** Errors the request itself may be tried again for, besides those of leader search. */
  readonly canRetry?: (error: unknown, attempt: number) => boolean;
  /** Errors that end the search at once, before leader search looks at them. */
  readonly failFast?: (error: unknown) => boolean;
  /** Ask exactly these hosts at first: no choice among them. */
  readonly exactHosts?: boolean;
}

export interface LeaderAnswer<T> {
  readonly value: T;
  /** Tries before the one that succeeded. */
  readonly retries: number;
  /** Who answered: "host:port". */
  readonly host: string;
}

/**
 * Sends `request` to the leader of the management service and gives its answer. `hosts` are servers of
 * the system ("host:port"), replicas or not: their answers lead to the replicas, those to the leader.
 * Tried again: while an election runs, while a replica starts, after a try's own deadline, and for
 * options.canRetry.
 * @throws the leader's error; ManagementUnreachableError when nobody answers; Fault 510 at the deadline.
 */
export async function invokeLeader<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  hosts: readonly string[],
  request: MessageInitShape<I>,
  ctx: ClientContext,
  options: LeaderOptions = {},
): Promise<MessageShape<O>> {
  return (await invokeLeaderCounting(method, hosts, request, ctx, options)).value;
}

/** As invokeLeader, and says how often it had to try again. */
export async function invokeLeaderCounting<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  hosts: readonly string[],
  request: MessageInitShape<I>,
  ctx: ClientContext,
  options: LeaderOptions = {},
): Promise<LeaderAnswer<MessageShape<O>>> {
  if (hosts.length === 0) throw emptyHostList();
  const start = options.exactHosts ? hosts : chooseCandidates(hosts);
  const timeoutMs = ctx.timeoutMs ?? defaultTimeoutMs;
  const deadline = performance.now() + timeoutMs;
  let targets: readonly string[] = start;
  for (let attempt = 0; ; attempt++) {
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw rpcTimeout(method.name, timeoutMs);
    const tryMs = Math.min(leftMs, options.tryTimeoutMs ?? leftMs);
    const outcome = await askReplicas(method, targets, request, ctx, tryMs);
    if ("value" in outcome) return { value: outcome.value, retries: attempt, host: outcome.host };
    const error = outcome.error;
    ctx.log?.debug(`${method.name}: try ${attempt + 1} at ${targets.join(",")}: ${errorText(error)}`);
    if (ctx.signal?.aborted) throw error;
    if (options.failFast?.(error)) throw error;
    const next = nextTargets(error, attempt, start, targets, options);
    if (next === undefined) throw isConnectionError(error) ? new ManagementUnreachableError(error) : error;
    targets = next;
    await pause(backoffMs(attempt), deadline, ctx.signal, () => rpcTimeout(method.name, timeoutMs));
  }
}

type Outcome<T> = { readonly value: T; readonly host: string } | { readonly error: unknown };

/** Asks all targets at once; the first answer wins unless messages carry a data version. */
function askReplicas<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  targets: readonly string[],
  request: MessageInitShape<I>,
  ctx: ClientContext,
  timeoutMs: number,
): Promise<Outcome<MessageShape<O>>> {
  return new Promise((resolve) => {
    let best: MessageShape<O> | undefined;
    let bestHost = "";
    let waiting = targets.length;
    let graceTimer: ReturnType<typeof setTimeout> | undefined;
    const errors: unknown[] = [];
    const abort = new AbortController();
    const giveUp = () => abort.abort(ctx.signal?.reason);
    ctx.signal?.addEventListener("abort", giveUp, { once: true });
    const finish = () => {
      clearTimeout(graceTimer);
      ctx.signal?.removeEventListener("abort", giveUp);
      // Readers that are too late; a change sent to the leader has been answered by then.
      if (waiting > 0) abort.abort();
      resolve(best === undefined ? { error: mostTelling(errors) } : { value: best, host: bestHost });
    };
    const settle = () => {
      if (waiting === 0) finish();
      else if (best !== undefined && dataVersion(best) === undefined) finish();
      else if (best !== undefined) graceTimer ??= setTimeout(finish, freshnessGraceMs);
    };
    for (const host of targets) {
      callUnary(method, host, request, {
        security: ctx.security,
        component: ctx.component,
        timeoutMs,
        signal: abort.signal,
      })
        .then(
          (answer) => {
            if (best !== undefined && (dataVersion(answer) ?? 0n) <= (dataVersion(best) ?? 0n)) return;
            best = answer;
            bestHost = host;
          },
          (error: unknown) => void errors.push(error),
        )
        .finally(() => {
          waiting--;
          settle();
        });
    }
  });
}

function dataVersion(message: object): bigint | undefined {
  return "dataVersion" in message && typeof message.dataVersion === "bigint"
    ? message.dataVersion
    : undefined;
}

/** Of several replicas' errors the one that says most about the request: a real answer over a redirect. */
function mostTelling(errors: readonly unknown[]): unknown {
  const weight = (error: unknown) => {
    if (error instanceof NotLeaderError) return error.leaderHint === "" ? 3 : 4;
    if (isUnavailable(error) || isUninitialized(error)) return 2;
    if (error instanceof NotReplicaError) return 1;
    return isConnectionError(error) || isTimeout(error) ? 0 : 5;
  };
  return errors.reduce((most, error) => (weight(error) > weight(most) ? error : most), errors[0]);
}

/** Whom to ask next after `error`; undefined: nobody, it is the answer. */
function nextTargets(
  error: unknown,
  attempt: number,
  start: readonly string[],
  current: readonly string[],
  options: LeaderOptions,
): readonly string[] | undefined {
  if (error instanceof NotLeaderError) {
    if (error.leaderHint !== "" && !current.includes(error.leaderHint)) return [error.leaderHint];
    return error.replicas.length > 0 ? error.replicas : start;
  }
  if (error instanceof NotReplicaError) return error.replicas.length > 0 ? error.replicas : start;
  if (isTimeout(error)) return start;
  if (options.canRetry?.(error, attempt)) return start;
  if (isUnavailable(error)) return current;
  // The leader we were sent to is gone: look for the next one.
  if (isConnectionError(error) && current !== start) return start;
  return undefined;
}

function chooseCandidates(hosts: readonly string[]): readonly string[] {
  const shuffled = [...new Set(hosts)];
  if (shuffled.length <= maxCandidates) return shuffled;
  for (let index = 0; index < maxCandidates; index++) {
    const other = index + Math.floor(Math.random() * (shuffled.length - index));
    [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
  }
  return shuffled.slice(0, maxCandidates);
}

function backoffMs(attempt: number): number {
  if (attempt === 0) return 0;
  const doublings = Math.max(0, Math.min(attempt, maxBackoffFactor) - 2);
  return baseBackoffMs * 2 ** doublings * (1 + Math.random() / 2);
}

function pause(
  durationMs: number,
  deadline: number,
  signal: AbortSignal | undefined,
  timeoutError: () => unknown,
): Promise<void> {
  if (durationMs === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const leftMs = deadline - performance.now();
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", giveUp);
        if (durationMs >= leftMs) reject(timeoutError());
        else resolve();
      },
      Math.min(durationMs, leftMs),
    );
    const giveUp = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", giveUp, { once: true });
  });
}

function rpcTimeout(verb: string, timeoutMs: number): Fault {
  return new Fault(
    "client",
    510,
    `the ${verb} request timed out after ${formatSeconds(timeoutMs)}`,
    "retry the request or check server logs for more information",
  );
}

function formatSeconds(durationMs: number): string {
  const seconds = Math.round(durationMs / 100) / 10;
  return seconds >= 60 && seconds % 60 === 0 ? `${seconds / 60}m0s` : `${seconds}s`;
}

function emptyHostList(): Fault {
  return new Fault(
    "client",
    503,
    "empty hostlist parameter in configuration",
    "specify a non-empty list of DAOS server addresses in configuration ('hostlist' parameter) and retry the client application",
  );
}
