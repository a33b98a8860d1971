import { errorText } from "../faults/fault.ts";
import type { Logger } from "../log/logger.ts";
import type { TransportSecurity } from "../security/tls.ts";
import { createCallers } from "./callers.ts";
import { type CallObserver, createChain } from "./chain.ts";
import { handleUnary, isGrpcContentType, type UnaryHost } from "./grpc-unary.ts";
import { defaultLimits, type RpcLimits } from "./limits.ts";
import {
  type Doorstep,
  type Listener,
  listenOn,
  type RpcServerStats,
  type StreamHandler,
} from "./listener.ts";
import type { RawHandler } from "./replica/tunnel.ts";
import { methodTable, type RpcService } from "./service.ts";

export type { RpcServerStats } from "./listener.ts";
export { rpcService } from "./service.ts";

export interface ServeOptions {
  readonly services: readonly RpcService[];
  readonly transport: TransportSecurity;
  /** Port 0 takes a free one; the addresses after it then share it. */
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  readonly systemName: string;
  readonly log: Logger;
  readonly component: "server";
  /** Streams that are no calls of a service, by path; they check by themselves who may open them. */
  readonly raw?: ReadonlyMap<string, RawHandler>;
  /** Answers those who have no certificate yet, where a node may get one; absent: they are refused. */
  readonly doorstep?: Doorstep | undefined;
  readonly limits?: Partial<RpcLimits>;
  readonly observe?: CallObserver | undefined;
}

export interface RpcServer {
  /** Port of the first address. */
  readonly port: number;
  readonly stats: Readonly<RpcServerStats>;
  /** Stops accepting, lets running calls finish for at most `graceMs` (default 1000), then cuts connections. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Serves gRPC over HTTP/2; gRPC-web and Connect on the same ports (connect.ts).
 * @throws Error when an address cannot be bound; nothing is left listening then
 */
export async function serveRpc(options: ServeOptions): Promise<RpcServer> {
  const { log, transport, systemName, services } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const host: UnaryHost = {
    table: methodTable(services),
    chain: createChain({ systemName, log, observe: options.observe }),
    limits,
    callers: createCallers(limits),
  };
  const handle = streamHandler(host, services, options.raw, log);
  const stats: RpcServerStats = { connections: 0, refusedHandshakes: 0 };
  const listeners: Listener[] = [];
  let port = 0;
  try {
    for (const address of options.listen) {
      const wanted = address.port === 0 ? port : address.port;
      const listener = await listenOn(address.host, wanted, {
        handle,
        doorstep: options.doorstep,
        transport,
        limits,
        callers: host.callers,
        stats,
        log,
      });
      listeners.push(listener);
      port ||= listener.port;
    }
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close(0)));
    throw error;
  }
  return {
    port,
    stats,
    close: async (graceMs = 1000) => {
      await Promise.all(listeners.map((listener) => listener.close(graceMs)));
    },
  };
}

/** Tells plain gRPC from the protocols that connect-node speaks, and both from everything else. */
function streamHandler(
  host: UnaryHost,
  services: readonly RpcService[],
  raw: ServeOptions["raw"],
  log: Logger,
): StreamHandler {
  let others: Promise<StreamHandler> | undefined;
  return (peer, stream, headers) => {
    const contentType = headers["content-type"];
    if (headers[":method"] !== "POST") {
      stream.respond({ ":status": 405, allow: "POST" }, { endStream: true });
    } else if (isGrpcContentType(contentType)) {
      handleUnary(host, peer, stream, headers);
    } else if (raw?.has(headers[":path"] ?? "")) {
      raw.get(headers[":path"] ?? "")?.(peer, stream);
    } else if (isConnectContentType(contentType)) {
      others ??= import("./connect.ts").then((m) => m.connectHandler(services, host.chain, host.limits));
      others.then(
        (answer) => {
          if (!stream.destroyed) answer(peer, stream, headers);
        },
        (error: unknown) => {
          log.error(`cannot answer ${contentType}: ${errorText(error)}`);
          if (!stream.destroyed) stream.respond({ ":status": 500 }, { endStream: true });
        },
      );
    } else {
      stream.respond({ ":status": 415, "content-type": "text/plain" });
      stream.end("this port speaks gRPC, gRPC-web and Connect\n");
    }
  };
}

/** Unary Connect in JSON or binary, and gRPC-web. */
function isConnectContentType(contentType: string | undefined): boolean {
  return (
    contentType !== undefined &&
    /^application\/(json|proto|grpc-web(-text)?(\+proto|\+json)?)(;|$)/.test(contentType)
  );
}
