import type { DescMethodUnary, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Component } from "../security/roles.ts";

export type { Component };

/** What a handler knows of the call it answers. */
export interface CallContext {
  /** "/mgmt.MgmtSvc/SystemQuery". */
  readonly method: string;
  /** Who calls: from the certificate, or from the component header when running insecure. */
  readonly caller: Component | "unknown";
  /** "ip:port" of the peer. */
  readonly peerAddr: string;
  /** Aborted when the caller gives up or its deadline passes. */
  readonly signal: AbortSignal;
}

/** A handler beside the roles that may call it. An absent role is a refusal. */
export interface MethodImpl<M extends DescMethodUnary = DescMethodUnary> {
  readonly roles: readonly Component[];
  handle(
    request: MessageShape<M["input"]>,
    context: CallContext,
  ): Promise<MessageInitShape<M["output"]>> | MessageInitShape<M["output"]>;
}

/** The methods of a service that this build answers; the rest answer `unimplemented`. */
export type ServiceImpl<S extends DescService> = {
  readonly [K in keyof S["method"]]?: S["method"][K] extends DescMethodUnary
    ? MethodImpl<S["method"][K]>
    : never;
};
