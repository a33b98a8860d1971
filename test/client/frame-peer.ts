import net, { type AddressInfo } from "node:net";

/** HTTP/2 frame types (RFC 9113, section 6). */
export const FrameType = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7 } as const;
const ack = 1;
const prefaceBytes = 24;
const frameHeaderBytes = 9;

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(frameHeaderBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, 4 * at);
  return bytes;
}

/**
 * A server that speaks frames: it does the greetings and hands every request's stream number to `answer`, which may
 * write any bytes. For what no well-behaved HTTP/2 library would send.
 */
export async function framePeer(
  answer: (socket: net.Socket, stream: number) => void,
  onPing: (socket: net.Socket, payload: Buffer) => void = () => {},
) {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.write(frame(FrameType.SETTINGS, 0, 0));
    let buffer = Buffer.alloc(0);
    let greeted = false;
    socket.on("data", (chunk: Buffer) => {
      buffer = Buffer.concat([buffer, chunk]);
      if (!greeted) {
        if (buffer.length < prefaceBytes) return;
        buffer = buffer.subarray(prefaceBytes);
        greeted = true;
      }
      while (buffer.length >= frameHeaderBytes) {
        const size = frameHeaderBytes + buffer.readUIntBE(0, 3);
        if (buffer.length < size) break;
        const [type, flags, stream] = [buffer[3], buffer[4], buffer.readUInt32BE(5)];
        const payload = buffer.subarray(frameHeaderBytes, size);
        buffer = buffer.subarray(size);
        if (type === FrameType.SETTINGS && flags !== ack) socket.write(frame(FrameType.SETTINGS, ack, 0));
        if (type === FrameType.PING && flags !== ack) onPing(socket, payload);
        if (type === FrameType.HEADERS) answer(socket, stream);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
