import { createServer, type Server, type Socket } from "node:net";
import type { Logger } from "../../log/logger.ts";
import { Der, DerError } from "./der.ts";
import { createFrameReader, encodeFrame } from "./frames.ts";

/**
 * How emulated engines talk with each other: TCP at their fabric URIs, one JSON message a frame. The
 * connecting side says hello first; version or group that do not match end the connection. Then requests
 * {id, op, body} and answers {id, body} or {id, status, what, hint}.
 */
export const fabricProtocol = "daosctl-lab-fabric";
export const fabricVersion = 1;

const maxConnections = 1024;
export const maxPending = 512;
const helloTimeoutMs = 5000;

export interface Hello {
  readonly protocol: string;
  readonly version: number;
  readonly group: string;
}

export interface Message {
  readonly id: number;
  readonly op?: string;
  readonly body?: unknown;
  readonly status?: number;
  readonly what?: string;
  readonly hint?: unknown;
}

/** An engine's refusal may say more, e.g. who the leader is. */
export class FabricError extends DerError {
  readonly hint: unknown;

  constructor(status: number, what: string, hint?: unknown) {
    super(status, what);
    this.name = "FabricError";
    this.hint = hint;
  }
}

/** Answers a request; throw DerError to refuse it. */
export type FabricHandler = (body: unknown) => unknown;

export interface FabricServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface ListenFabricOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly group: string;
  readonly handlers: Readonly<Record<string, FabricHandler>>;
  readonly log: Logger;
}

export function asHello(value: unknown): Hello {
  const hello = value as Partial<Hello> | null;
  if (typeof hello !== "object" || hello?.protocol !== fabricProtocol) {
    throw new DerError(Der.PROTO, "peer does not speak the lab's fabric protocol");
  }
  return hello as Hello;
}

export function asMessage(value: unknown): Message {
  const message = value as Partial<Message> | null;
  if (typeof message !== "object" || typeof message?.id !== "number") {
    throw new DerError(Der.PROTO, "malformed message");
  }
  return message as Message;
}

/** @throws when the port is taken */
export async function listenFabric(options: ListenFabricOptions): Promise<FabricServer> {
  const sockets = new Set<Socket>();
  const mine: Hello = { protocol: fabricProtocol, version: fabricVersion, group: options.group };

  const answer = async (socket: Socket, message: Message) => {
    let reply: Message;
    try {
      const handler = options.handlers[message.op ?? ""];
      if (handler === undefined) throw new DerError(Der.NOSYS, `unknown operation ${message.op}`);
      reply = { id: message.id, body: await handler(message.body) };
    } catch (error) {
      if (!(error instanceof DerError)) options.log.error(`fabric ${message.op}: ${(error as Error).stack}`);
      const status = error instanceof DerError ? error.status : Der.IO;
      const hint = error instanceof FabricError ? error.hint : undefined;
      reply = { id: message.id, status, what: (error as Error).message, hint };
    }
    if (!socket.destroyed) socket.write(encodeFrame(reply));
  };

  const server: Server = createServer((socket) => {
    if (sockets.size >= maxConnections) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.setNoDelay(true);
    const reader = createFrameReader();
    let greeted = false;
    let pending = 0;
    const impatience = setTimeout(() => socket.destroy(), helloTimeoutMs);
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const value of reader.push(chunk)) {
          if (greeted) {
            if (pending >= maxPending) throw new DerError(Der.PROTO, "too many requests at once");
            pending++;
            answer(socket, asMessage(value))
              .catch((error: Error) => {
                options.log.error(`fabric: ${error.message}`);
                socket.destroy();
              })
              .finally(() => pending--);
            continue;
          }
          const hello = asHello(value);
          socket.write(encodeFrame(mine));
          if (hello.version !== fabricVersion || hello.group !== options.group) {
            throw new DerError(Der.PROTO, `peer speaks version ${hello.version} of group ${hello.group}`);
          }
          greeted = true;
          clearTimeout(impatience);
        }
      } catch (error) {
        options.log.notice(`fabric: connection dropped: ${(error as Error).message}`);
        socket.end();
        socket.destroySoon();
      }
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(impatience);
      sockets.delete(socket);
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
