/**
 * One request to many servers, or to the one that leads. Everything the control API does stands on these
 * two functions.
 */
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { ClientContext } from "./context.ts";
import { defaultTimeoutMs } from "./context.ts";
import { type FanOutOptions, fanOut, fanOutTimeoutMs, type HostResult } from "./fanout.ts";
import { callUnary } from "./transport.ts";

export type { HostResult } from "./fanout.ts";
export { invokeLeader, type LeaderOptions } from "./leader.ts";

/**
 * Asks every host ("host:port") and gives each one's answer or error; never rejects for a host's sake.
 * The deadline of ctx (default five minutes, growing with the number of hosts) holds for each call.
 */
export function invokeHosts<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  hosts: readonly string[],
  request: MessageInitShape<I>,
  ctx: ClientContext,
  options: FanOutOptions<MessageShape<O>> = {},
): Promise<HostResult<MessageShape<O>>[]> {
  const timeoutMs = ctx.timeoutMs ?? fanOutTimeoutMs(defaultTimeoutMs, hosts.length);
  ctx.log?.debug(`${method.name}: asking ${hosts.length} host(s)`);
  return fanOut(
    hosts,
    (host) =>
      callUnary(method, host, request, {
        security: ctx.security,
        component: ctx.component,
        timeoutMs,
        signal: ctx.signal,
      }),
    options,
  );
}
