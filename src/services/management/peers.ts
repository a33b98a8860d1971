import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { ClientContext } from "../../client/context.ts";
import { type HostResult, invokeHosts, invokeLeader } from "../../client/invoker.ts";

/** How the management service calls other servers, and this one as one of them. */
export interface Peers {
  /** Asks every host; one result each, in their order. */
  hosts<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    hosts: readonly string[],
    request: MessageInitShape<I>,
    options?: PeerOptions,
  ): Promise<HostResult<MessageShape<O>>[]>;
  /** Asks the leader among the replicas, wherever it is now. */
  leader<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    replicas: readonly string[],
    request: MessageInitShape<I>,
    options?: PeerOptions,
  ): Promise<MessageShape<O>>;
}

export interface PeerOptions {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Errors of leader() that end its search at once: the caller has a better way to wait. */
  readonly failFast?: (error: unknown) => boolean;
}

/** Peers over the control API. `context` names this server as the caller. */
export function createPeers(context: ClientContext): Peers {
  const withOptions = (options: PeerOptions = {}): ClientContext => ({
    ...context,
    timeoutMs: options.timeoutMs ?? context.timeoutMs,
    signal: options.signal ?? context.signal,
  });
  return {
    hosts: (method, hosts, request, options) => invokeHosts(method, hosts, request, withOptions(options)),
    leader: (method, replicas, request, options) =>
      invokeLeader(method, replicas, request, withOptions(options), { failFast: options?.failFast }),
  };
}
