import { Der, DerError } from "./der.ts";
import { decodeJson, encodeJson } from "./storage.ts";

/** Longest message between engines. */
export const maxFrameBytes = 8 * 1024 * 1024;

/** A message as it goes over the wire: length (32 bit, big endian), then JSON. */
export function encodeFrame(value: unknown): Buffer {
  const body = Buffer.from(encodeJson(value), "utf8");
  if (body.length > maxFrameBytes)
    throw new DerError(Der.INVAL, `message of ${body.length} bytes is too long`);
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, 4);
  return frame;
}

/** Cuts a byte stream into messages. */
export interface FrameReader {
  /** @throws DerError DER_PROTO for an oversized length or bad JSON; the connection is lost then. */
  push(chunk: Uint8Array): unknown[];
}

export function createFrameReader(limitBytes: number = maxFrameBytes): FrameReader {
  let chunks: Buffer[] = [];
  let held = 0;
  return {
    push(chunk) {
      chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      held += chunk.byteLength;
      if (held < 4) return [];
      let bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, held);
      const messages: unknown[] = [];
      while (bytes.length >= 4) {
        const length = bytes.readUInt32BE(0);
        if (length > limitBytes) throw new DerError(Der.PROTO, `message of ${length} bytes announced`);
        if (bytes.length < 4 + length) break;
        try {
          messages.push(decodeJson(bytes.toString("utf8", 4, 4 + length)));
        } catch {
          throw new DerError(Der.PROTO, "message is not JSON");
        }
        bytes = bytes.subarray(4 + length);
      }
      chunks = bytes.length > 0 ? [bytes] : [];
      held = bytes.length;
      return messages;
    },
  };
}
