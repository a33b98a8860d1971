import {
  Http2ServerRequest,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createContextKey,
  createContextValues,
} from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { decodeStatusProto } from "../faults/status-proto.ts";
import { statusFromError } from "../faults/wire.ts";
import { componentHeader, versionHeader } from "../security/interop.ts";
import type { Chain, IncomingCall } from "./chain.ts";
import type { RpcLimits } from "./limits.ts";
import { checkPeer, type Peer } from "./peer.ts";
import type { RpcMethod, RpcService } from "./service.ts";

/** Answers a request that is not plain gRPC. */
export type ConnectHandler = (peer: Peer, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/**
 * gRPC-web and the Connect protocol (with JSON, so that curl can call) by connect-node, for the same handlers and
 * through the same chain as gRPC. Loaded when the first such request comes: most servers never see one.
 */
export function connectHandler(
  services: readonly RpcService[],
  chain: Chain,
  limits: RpcLimits,
): ConnectHandler {
  const peerKey = createContextKey<Peer | undefined>(undefined);
  const peers = new WeakMap<object, Peer>();

  const handler = connectNodeAdapter({
    routes: (router) => {
      for (const service of services) route(router, service);
    },
    connect: true,
    grpcWeb: true,
    grpc: false,
    // Nothing large is sent this way; inflating what a peer compressed would only widen the door.
    acceptCompression: [],
    readMaxBytes: limits.maxMessageBytes,
    contextValues: (request) => createContextValues().set(peerKey, peers.get(request)),
  });

  function route(router: ConnectRouter, service: RpcService): void {
    for (const method of service.methods.values()) {
      router.rpc(method.desc, async (request, context) => {
        try {
          const peer = context.values.get(peerKey);
          if (peer === undefined) throw new Error("a request without a connection");
          return await chain.runMessage(
            incoming(method, peer, context.requestHeader, context.signal),
            request,
          );
        } catch (error) {
          throw connectError(error);
        }
      });
    }
  }

  return (peer, stream, headers) => {
    const request = new Http2ServerRequest(stream, headers, {}, []);
    peers.set(request, peer);
    handler(request, new Http2ServerResponse(stream));
  };
}

function incoming(method: RpcMethod, peer: Peer, headers: Headers, signal: AbortSignal): IncomingCall {
  return {
    method,
    certified: peer.certified,
    node: peer.node,
    componentHeader: headers.get(componentHeader) ?? undefined,
    versionHeader: headers.get(versionHeader) ?? undefined,
    peerAddr: peer.addr,
    admit: () => checkPeer(peer),
    signal,
  };
}

/** The same status and details that gRPC callers get. */
function connectError(error: unknown): ConnectError {
  const status = statusFromError(error);
  const result = new ConnectError(status.message, status.code === 0 ? Code.Unknown : (status.code as Code));
  if (status.details !== undefined) {
    result.details = decodeStatusProto(status.details).details.map(({ typeUrl, value }) => ({
      type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
      value: new Uint8Array(value),
    }));
  }
  return result;
}
