import { connect as netConnect } from "node:net";
import { Der, DerError } from "./der.ts";
import { parseUri } from "./environment.ts";
import {
  asHello,
  asMessage,
  FabricError,
  fabricProtocol,
  fabricVersion,
  type Hello,
  type Message,
  maxPending,
} from "./fabric.ts";
import { createFrameReader, encodeFrame } from "./frames.ts";

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
