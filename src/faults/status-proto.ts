import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/**
 * The three messages of google.rpc that errors travel in, written by hand: they are small, frozen, and needed
 * by every client at start-up, where descriptors would cost more than the call.
 *
 *   google.rpc.Status    { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
 *   google.protobuf.Any  { string type_url = 1; bytes value = 2; }
 *   google.rpc.ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
 */
export interface StatusProto {
  readonly code: number;
  readonly message: string;
  readonly details: readonly AnyProto[];
}

export interface AnyProto {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

export interface ErrorInfo {
  /** Names the type of the error ("proto.fault.Fault"). */
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export const errorInfoTypeUrl = "type.googleapis.com/google.rpc.ErrorInfo";

export function encodeStatusProto(status: StatusProto): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  if (status.code !== 0) writer.tag(1, WireType.Varint).int32(status.code);
  writeText(writer, 2, status.message);
  for (const detail of status.details) {
    writer.tag(3, WireType.LengthDelimited).fork();
    writeText(writer, 1, detail.typeUrl);
    if (detail.value.length > 0) writer.tag(2, WireType.LengthDelimited).bytes(detail.value);
    writer.join();
  }
  return writer.finish();
}

/** @throws Error when the bytes are no such message. */
export function decodeStatusProto(bytes: Uint8Array): StatusProto {
  let code = 0;
  let message = "";
  const details: AnyProto[] = [];
  readFields(bytes, (field, wire, reader) => {
    if (field === 1 && wire === WireType.Varint) code = reader.int32();
    else if (field === 2 && wire === WireType.LengthDelimited) message = reader.string();
    else if (field === 3 && wire === WireType.LengthDelimited) details.push(decodeAny(reader.bytes()));
    else return false;
    return true;
  });
  return { code, message, details };
}

/** Metadata is written in the order of its keys, so that equal errors have equal bytes. */
export function encodeErrorInfo(info: ErrorInfo): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  writeText(writer, 1, info.reason);
  writeText(writer, 2, info.domain);
  for (const key of Object.keys(info.metadata).sort()) {
    writer.tag(3, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key);
    writer.tag(2, WireType.LengthDelimited).string(info.metadata[key] ?? "");
    writer.join();
  }
  return writer.finish();
}

/** @throws Error when the bytes are no such message. */
export function decodeErrorInfo(bytes: Uint8Array): ErrorInfo {
  let reason = "";
  let domain = "";
  // Keys come from the peer: no prototype that "__proto__" could reach.
  const metadata: Record<string, string> = Object.create(null);
  readFields(bytes, (field, wire, reader) => {
    if (wire !== WireType.LengthDelimited) return false;
    if (field === 1) reason = reader.string();
    else if (field === 2) domain = reader.string();
    else if (field === 3) {
      const [key, value] = decodeEntry(reader.bytes());
      metadata[key] = value;
    } else return false;
    return true;
  });
  return { reason, domain, metadata };
}

function decodeAny(bytes: Uint8Array): AnyProto {
  let typeUrl = "";
  let value: Uint8Array = new Uint8Array();
  readFields(bytes, (field, wire, reader) => {
    if (wire !== WireType.LengthDelimited) return false;
    if (field === 1) typeUrl = reader.string();
    else if (field === 2) value = reader.bytes();
    else return false;
    return true;
  });
  return { typeUrl, value };
}

function decodeEntry(bytes: Uint8Array): [string, string] {
  let key = "";
  let value = "";
  readFields(bytes, (field, wire, reader) => {
    if (wire !== WireType.LengthDelimited) return false;
    if (field === 1) key = reader.string();
    else if (field === 2) value = reader.string();
    else return false;
    return true;
  });
  return [key, value];
}

function writeText(writer: BinaryWriter, field: number, text: string): void {
  if (text !== "") writer.tag(field, WireType.LengthDelimited).string(text);
}

/** Walks the fields; what `take` does not know is skipped. */
function readFields(
  bytes: Uint8Array,
  take: (field: number, wire: WireType, reader: BinaryReader) => boolean,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (!take(field, wire, reader)) reader.skip(wire, field);
  }
}
