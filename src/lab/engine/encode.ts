import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { ScalarType, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/**
 * Encodes a message as the C side of DAOS 2.6 does: repeated numbers one by one instead of packed
 * (BEHAVIOUR.md, "Repeated integers come unpacked from the engine"), and zeros of `repeated` kept.
 */
export function encodeLikeEngine<D extends DescMessage>(desc: D, message: MessageShape<D>): Uint8Array {
  return unpack(desc, toBinary(desc, message));
}

function unpack(desc: DescMessage, bytes: Uint8Array): Uint8Array {
  const reader = new BinaryReader(bytes);
  const writer = new BinaryWriter();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = desc.fields.find((f) => f.number === number);
    if (wireType !== WireType.LengthDelimited || field === undefined) {
      writer.tag(number, wireType).raw(reader.skip(wireType));
      continue;
    }
    const content = reader.bytes();
    if (field.fieldKind === "list" && field.listKind !== "message" && field.packed) {
      const itemWire = wireTypeOf(field.listKind === "enum" ? ScalarType.INT32 : field.scalar);
      const items = new BinaryReader(content);
      while (items.pos < items.len) writer.tag(number, itemWire).raw(items.skip(itemWire));
    } else if (field.message !== undefined && field.fieldKind !== "map") {
      writer.tag(number, wireType).bytes(unpack(field.message, content));
    } else {
      writer.tag(number, wireType).bytes(content);
    }
  }
  return writer.finish();
}

function wireTypeOf(scalar: ScalarType): WireType {
  switch (scalar) {
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}
