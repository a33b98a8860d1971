import { type Pointer, toArrayBuffer } from "bun:ffi";

/**
 * Typed layouts of C structs on little-endian LP64 machines (x86-64, arm64): natural alignment as the System V
 * ABI has it. Layouts are checked against the C compiler in test/ffi/layout.test.ts.
 */
export interface CType<T> {
  readonly sizeBytes: number;
  readonly alignBytes: number;
  read(view: DataView, offset: number): T;
  write(view: DataView, offset: number, value: T): void;
}

function scalar<T>(
  sizeBytes: number,
  read: (view: DataView, offset: number) => T,
  write: (view: DataView, offset: number, value: T) => void,
): CType<T> {
  return { sizeBytes, alignBytes: sizeBytes, read, write };
}

export const u8 = scalar<number>(
  1,
  (view, at) => view.getUint8(at),
  (view, at, value) => view.setUint8(at, value),
);
export const bool8 = scalar<boolean>(
  1,
  (view, at) => view.getUint8(at) !== 0,
  (view, at, value) => view.setUint8(at, value ? 1 : 0),
);
export const u16 = scalar<number>(
  2,
  (view, at) => view.getUint16(at, true),
  (view, at, value) => view.setUint16(at, value, true),
);
export const u32 = scalar<number>(
  4,
  (view, at) => view.getUint32(at, true),
  (view, at, value) => view.setUint32(at, value, true),
);
export const i32 = scalar<number>(
  4,
  (view, at) => view.getInt32(at, true),
  (view, at, value) => view.setInt32(at, value, true),
);
export const u64 = scalar<bigint>(
  8,
  (view, at) => view.getBigUint64(at, true),
  (view, at, value) => view.setBigUint64(at, value, true),
);
/** A C enum: GCC and Clang give it an int unless told otherwise. */
export const cEnum = u32;
/** A pointer or size_t whose value stays below 2^53, as user addresses do. */
export const address = scalar<number>(
  8,
  (view, at) => Number(view.getBigUint64(at, true)),
  (view, at, value) => view.setBigUint64(at, BigInt(value), true),
);

/** A 128-bit little-endian number, as NVMe pages hold them; not aligned. */
export const u128: CType<bigint> = {
  sizeBytes: 16,
  alignBytes: 1,
  read: (view, at) => view.getBigUint64(at, true) | (view.getBigUint64(at + 8, true) << 64n),
  write(view, at, value) {
    view.setBigUint64(at, value & 0xffff_ffff_ffff_ffffn, true);
    view.setBigUint64(at + 8, value >> 64n, true);
  },
};

/** Raw bytes; a copy when read. */
export function bytes(length: number): CType<Uint8Array> {
  return {
    sizeBytes: length,
    alignBytes: 1,
    read: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, length).slice(),
    write(view, at, value) {
      if (value.length !== length) throw new RangeError(`expected ${length} bytes, got ${value.length}`);
      new Uint8Array(view.buffer, view.byteOffset + at, length).set(value);
    },
  };
}

/** A char array: text up to the first NUL, or the whole array when there is none. */
export function cstr(length: number): CType<string> {
  return {
    sizeBytes: length,
    alignBytes: 1,
    read(view, at) {
      const raw = new Uint8Array(view.buffer, view.byteOffset + at, length);
      const end = raw.indexOf(0);
      return new TextDecoder().decode(end < 0 ? raw : raw.subarray(0, end));
    },
    write(view, at, value) {
      const text = new TextEncoder().encode(value);
      if (text.length >= length) throw new RangeError(`text of ${text.length} bytes in char[${length}]`);
      const raw = new Uint8Array(view.buffer, view.byteOffset + at, length);
      raw.fill(0);
      raw.set(text);
    },
  };
}

/** Text that is padded with blanks to its full length, as NVMe's identify data has it. */
export function padded(length: number): CType<string> {
  const text = bytes(length);
  return {
    sizeBytes: length,
    alignBytes: 1,
    read: (view, at) =>
      Buffer.from(text.read(view, at))
        .toString("latin1")
        .replace(/[\0 ]+$/, "")
        .trimStart(),
    write: (view, at, value) => text.write(view, at, Buffer.from(value.padEnd(length), "latin1")),
  };
}

export function array<T>(element: CType<T>, length: number): CType<T[]> {
  return {
    sizeBytes: element.sizeBytes * length,
    alignBytes: element.alignBytes,
    read: (view, at) =>
      Array.from({ length }, (_, index) => element.read(view, at + index * element.sizeBytes)),
    write(view, at, values) {
      if (values.length > length) throw new RangeError(`${values.length} values in an array of ${length}`);
      for (const [index, value] of values.entries())
        element.write(view, at + index * element.sizeBytes, value);
    },
  };
}

type ValueOf<C> = C extends CType<infer T> ? T : never;
/** The value of a struct with these fields. */
export type StructValue<F> = { -readonly [K in keyof F]: ValueOf<F[K]> };

export interface CStruct<F> extends CType<StructValue<F>> {
  readonly offsets: Readonly<Record<keyof F, number>>;
  /** Zeroed memory for `count` of them, one behind the other. */
  allocate(count?: number): Uint8Array<ArrayBuffer>;
  decode(memory: Uint8Array, index?: number): StructValue<F>;
  encode(memory: Uint8Array, value: Partial<StructValue<F>>, index?: number): void;
  /** Reads it where native code has it. */
  at(pointer: Pointer): StructValue<F>;
}

export interface StructOptions {
  /** #pragma pack(n), or 1 for __attribute__((packed)). */
  readonly packBytes?: number;
  /** Total size when it is larger than the named fields: the rest is not ours to know. */
  readonly sizeBytes?: number;
}

function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

/** A struct of the fields in their order. Names beginning with "_" are holes that keep others in place. */
export function struct<const F extends { readonly [name: string]: CType<unknown> }>(
  fields: F,
  options: StructOptions = {},
): CStruct<F> {
  const pack = options.packBytes ?? 16;
  const entries = Object.entries(fields) as [keyof F & string, CType<unknown>][];
  const offsets = {} as Record<keyof F, number>;
  let end = 0;
  let alignBytes = 1;
  for (const [name, type] of entries) {
    const alignment = Math.min(type.alignBytes, pack);
    end = alignUp(end, alignment);
    offsets[name] = end;
    end += type.sizeBytes;
    alignBytes = Math.max(alignBytes, alignment);
  }
  const natural = alignUp(end, alignBytes);
  const sizeBytes = options.sizeBytes ?? natural;
  if (sizeBytes < natural) throw new RangeError(`fields take ${natural} bytes, more than ${sizeBytes}`);
  const view = (memory: Uint8Array) => new DataView(memory.buffer, memory.byteOffset, memory.byteLength);

  const read = (source: DataView, at: number): StructValue<F> => {
    const value: Record<string, unknown> = {};
    for (const [name, type] of entries) value[name] = type.read(source, at + offsets[name]);
    return value as StructValue<F>;
  };
  const write = (target: DataView, at: number, value: Partial<StructValue<F>>) => {
    for (const [name, type] of entries) {
      if (value[name] !== undefined) type.write(target, at + offsets[name], value[name]);
    }
  };
  return {
    sizeBytes,
    alignBytes,
    offsets,
    read,
    write,
    allocate: (count = 1) => new Uint8Array(sizeBytes * count),
    decode: (memory, index = 0) => read(view(memory), index * sizeBytes),
    encode: (memory, value, index = 0) => write(view(memory), index * sizeBytes, value),
    at: (pointer) => read(new DataView(toArrayBuffer(pointer, 0, sizeBytes)), 0),
  };
}
