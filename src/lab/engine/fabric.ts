import { createServer, connect as netConnect, type Server, type Socket } from "node:net";
import type { Logger } from "../../log/logger.ts";
import { Der, DerError } from "./der.ts";
import { parseUri } from "./environment.ts";
import { createFrameReader, encodeFrame } from "./frames.ts";

/**
 * How emulated engines talk with each other: TCP at their fabric URIs, one JSON message a frame. The
 * connecting side says hello first; version or group that do not match end the connection. Then requests
 * {id, op, body} and answers {id, body} or {id, status, what, hint}.
 */
export const fabricProtocol = "daosctl-lab-fabric";
export const fabricVersion = 1;

const maxConnections = 1024;
const maxPending = 512;
const helloTimeoutMs = 5000;

interface Hello {
  readonly protocol: string;
  readonly version: number;
  readonly group: string;
}

interface Message {
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

function asHello(value: unknown): Hello {
  const hello = value as Partial<Hello> | null;
  if (typeof hello !== "object" || hello?.protocol !== fabricProtocol) {
    throw new DerError(Der.PROTO, "peer does not speak the lab's fabric protocol");
  }
  return hello as Hello;
}

function asMessage(value: unknown): Message {
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

export interface FabricClient {
  /**
   * One request to the engine at a URI; the connection is kept.
   * @throws FabricError as the peer refused it; DER_UNREACH when it is not there or breaks off;
   *   DER_TIMEDOUT when it does not answer in time
   */
  call(uri: string, op: string, body: unknown, timeoutMs: number): Promise<unknown>;
  /** Gives up the connection to a URI: what waits for an answer is DER_UNREACH. */
  drop(uri: string): void;
  close(): void;
}

interface Waiting {
  resolve(body: unknown): void;
  reject(error: Error): void;
}

interface Link {
  send(message: Message, waiting: Waiting): void;
  forget(id: number): void;
  readonly waitingCount: () => number;
  destroy(): void;
}

export function createFabricClient(group: string): FabricClient {
  const links = new Map<string, Link>();
  let nextId = 1;

  const openLink = (uri: string): Link => {
    const { host, port } = parseUri(uri);
    const socket = netConnect({ host, port });
    const waiting = new Map<number, Waiting>();
    const reader = createFrameReader();
    // What is asked before the connection stands must not overtake the hello.
    const early: Buffer[] = [
      encodeFrame({ protocol: fabricProtocol, version: fabricVersion, group } satisfies Hello),
    ];
    let greeted = false;
    let why = "connection closed";
    socket.setNoDelay(true);
    socket.on("connect", () => {
      for (const frame of early.splice(0)) socket.write(frame);
    });
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const value of reader.push(chunk)) {
          if (!greeted) {
            const hello = asHello(value);
            if (hello.version !== fabricVersion || hello.group !== group) {
              throw new DerError(Der.PROTO, `engine at ${uri} is of group ${hello.group}`);
            }
            greeted = true;
            continue;
          }
          const message = asMessage(value);
          const who = waiting.get(message.id);
          waiting.delete(message.id);
          if (who === undefined) continue;
          if (message.status === undefined) who.resolve(message.body);
          else who.reject(new FabricError(message.status, message.what ?? "", message.hint));
        }
      } catch (error) {
        why = (error as Error).message;
        socket.destroy();
      }
    });
    socket.on("error", (error) => {
      why = error.message;
    });
    socket.on("close", () => {
      if (links.get(uri) === link) links.delete(uri);
      for (const who of waiting.values()) who.reject(new DerError(Der.UNREACH, `${uri}: ${why}`));
      waiting.clear();
    });
    const link: Link = {
      send(message, who) {
        if (socket.destroyed) {
          who.reject(new DerError(Der.UNREACH, `${uri}: ${why}`));
          return;
        }
        waiting.set(message.id, who);
        const frame = encodeFrame(message);
        if (socket.connecting) early.push(frame);
        else socket.write(frame);
      },
      forget: (id) => void waiting.delete(id),
      waitingCount: () => waiting.size,
      destroy: () => void socket.destroy(),
    };
    links.set(uri, link);
    return link;
  };

  return {
    call(uri, op, body, timeoutMs) {
      return new Promise<unknown>((resolve, reject) => {
        const link = links.get(uri) ?? openLink(uri);
        if (link.waitingCount() >= maxPending) {
          reject(new DerError(Der.AGAIN, `${uri}: too many requests at once`));
          return;
        }
        const id = nextId++;
        const timer = setTimeout(() => {
          link.forget(id);
          reject(new DerError(Der.TIMEDOUT, `${uri}: no answer to ${op} in ${timeoutMs} ms`));
        }, timeoutMs);
        link.send(
          { id, op, body },
          {
            resolve(value) {
              clearTimeout(timer);
              resolve(value);
            },
            reject(error) {
              clearTimeout(timer);
              reject(error);
            },
          },
        );
      });
    },
    drop(uri) {
      links.get(uri)?.destroy();
    },
    close() {
      for (const link of links.values()) link.destroy();
      links.clear();
    },
  };
}
