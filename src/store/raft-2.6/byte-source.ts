import { open } from "node:fs/promises";

/** Random access to a file, or to what stands for one. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Exactly `length` bytes. @throws RangeError when the source ends before. */
  read(offset: number, length: number): Promise<Buffer>;
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    sizeBytes: whole.length,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > whole.length) return Promise.reject(pastEnd(offset));
      return Promise.resolve(whole.subarray(offset, offset + length));
    },
  };
}

/** Runs `use` on a file opened for reading alone. */
export async function withFile<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    return await use({
      sizeBytes: size,
      async read(offset, length) {
        if (offset < 0 || length < 0 || offset + length > size) throw pastEnd(offset);
        const bytes = Buffer.allocUnsafe(length);
        for (let done = 0; done < length; ) {
          const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
          if (bytesRead === 0) throw pastEnd(offset + done);
          done += bytesRead;
        }
        return bytes;
      },
    });
  } finally {
    await file.close();
  }
}

function pastEnd(offset: number): RangeError {
  return new RangeError(`the file ends before what should stand at ${offset}`);
}
