/**
 * What a MessagePack document holds: integers as bigint, raw (text and bytes are one type in the old form that
 * hashicorp's codec writes) and binary as bytes, maps by text keys.
 */
export type MsgpackValue =
  | null
  | boolean
  | bigint
  | number
  | Buffer
  | readonly MsgpackValue[]
  | ReadonlyMap<string, MsgpackValue>;

/** Deeper nesting than anything 2.6 writes. */
const deepest = 16;

/**
 * Reads one value, as entries of a raft log have it.
 * @throws RangeError for what is cut off, nested too deep, or of no type that 2.6 writes
 */
export function decodeMsgpack(bytes: Buffer): MsgpackValue {
  const cursor: Cursor = { bytes, at: 0 };
  const value = readValue(cursor, 0);
  if (cursor.at !== bytes.length) throw new RangeError("more follows after the value");
  return value;
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

function take(cursor: Cursor, length: number): Buffer {
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw new RangeError("the value is cut off");
  const part = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return part;
}

function unsigned(cursor: Cursor, length: 1 | 2 | 4): number {
  return take(cursor, length).readUIntBE(0, length);
}

function signed(cursor: Cursor, length: 1 | 2 | 4): bigint {
  return BigInt(take(cursor, length).readIntBE(0, length));
}

function readValue(cursor: Cursor, depth: number): MsgpackValue {
  if (depth > deepest) throw new RangeError("values are nested too deep");
  const tag = unsigned(cursor, 1);
  if (tag < 0x80) return BigInt(tag);
  if (tag < 0x90) return readMap(cursor, tag & 0x0f, depth);
  if (tag < 0xa0) return readList(cursor, tag & 0x0f, depth);
  if (tag < 0xc0) return take(cursor, tag & 0x1f);
  if (tag >= 0xe0) return BigInt(tag - 0x100);
  switch (tag) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xd9:
      return take(cursor, unsigned(cursor, 1));
    case 0xc5:
    case 0xda:
      return take(cursor, unsigned(cursor, 2));
    case 0xc6:
    case 0xdb:
      return take(cursor, unsigned(cursor, 4));
    case 0xc7:
      return readExtension(cursor, unsigned(cursor, 1));
    case 0xc8:
      return readExtension(cursor, unsigned(cursor, 2));
    case 0xca:
      return take(cursor, 4).readFloatBE();
    case 0xcb:
      return take(cursor, 8).readDoubleBE();
    case 0xcc:
      return BigInt(unsigned(cursor, 1));
    case 0xcd:
      return BigInt(unsigned(cursor, 2));
    case 0xce:
      return BigInt(unsigned(cursor, 4));
    case 0xcf:
      return take(cursor, 8).readBigUInt64BE();
    case 0xd0:
      return signed(cursor, 1);
    case 0xd1:
      return signed(cursor, 2);
    case 0xd2:
      return signed(cursor, 4);
    case 0xd3:
      return take(cursor, 8).readBigInt64BE();
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return readExtension(cursor, 1 << (tag - 0xd4));
    case 0xdc:
      return readList(cursor, unsigned(cursor, 2), depth);
    case 0xdd:
      return readList(cursor, unsigned(cursor, 4), depth);
    case 0xde:
      return readMap(cursor, unsigned(cursor, 2), depth);
    case 0xdf:
      return readMap(cursor, unsigned(cursor, 4), depth);
    default:
      throw new RangeError(`type 0x${tag.toString(16)} is not known`);
  }
}

/** Newer codecs write times as extensions; nobody needs them here. */
function readExtension(cursor: Cursor, length: number): Buffer {
  take(cursor, 1);
  return take(cursor, length);
}

function readList(cursor: Cursor, count: number, depth: number): MsgpackValue[] {
  checkCount(cursor, count);
  return Array.from({ length: count }, () => readValue(cursor, depth + 1));
}

function readMap(cursor: Cursor, count: number, depth: number): Map<string, MsgpackValue> {
  checkCount(cursor, count * 2);
  const map = new Map<string, MsgpackValue>();
  for (let index = 0; index < count; index++) {
    const key = readValue(cursor, depth + 1);
    if (!Buffer.isBuffer(key)) throw new RangeError("a key is no text");
    map.set(key.toString("utf8"), readValue(cursor, depth + 1));
  }
  return map;
}

/** Every value takes a byte: a count beyond what is left is nonsense, and must not cost memory. */
function checkCount({ bytes, at }: Cursor, count: number): void {
  if (count > bytes.length - at) throw new RangeError("the value is cut off");
}
