/** A gRPC message on the wire: compression flag, then the length as a big-endian u32, then the message. */
export const frameHeaderBytes = 5;

export function encodeFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, frameHeaderBytes);
  return frame;
}

/**
 * Makes status text safe for a header: what is not printable ASCII, "%", and spaces at either end (which no header
 * value may have), as %XX of its UTF-8 bytes.
 */
export function encodeStatusMessage(text: string): string {
  if (/^([\x21-\x24\x26-\x7e]([\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?)?$/.test(text)) return text;
  let out = "";
  const bytes = Buffer.from(text, "utf8");
  for (const [at, byte] of bytes.entries()) {
    const inside = at > 0 && at < bytes.length - 1;
    const plain = (byte > 0x20 && byte <= 0x7e && byte !== 0x25) || (byte === 0x20 && inside);
    out += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** The inverse; a "%" that begins no byte is kept as it is. */
export function decodeStatusMessage(text: string): string {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const hex = text[at] === "%" ? text.slice(at + 1, at + 3) : "";
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      at += 2;
    } else {
      bytes.push(text.charCodeAt(at) & 0xff);
    }
  }
  return Buffer.from(bytes).toString("utf8");
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds of a grpc-timeout header ("250m"), or undefined when it is malformed. */
export function parseTimeoutMs(header: string): number | undefined {
  const parts = /^(\d{1,8})([HMSmun])$/.exec(header);
  if (parts === null) return undefined;
  return Number(parts[1]) * (unitMs[parts[2]!] ?? 0);
}

/** A grpc-timeout header; at most eight digits, so the unit grows with the value. */
export function formatTimeout(timeoutMs: number): string {
  const wholeMs = Math.max(1, Math.ceil(timeoutMs));
  if (wholeMs < 1e8) return `${wholeMs}m`;
  const wholeSeconds = Math.ceil(wholeMs / 1000);
  return wholeSeconds < 1e8 ? `${wholeSeconds}S` : "99999999S";
}
