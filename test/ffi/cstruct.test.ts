import { ptr } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { array, bytes, cstr, padded, struct, u8, u16, u32, u64, u128 } from "../../src/ffi/cstruct.ts";

describe("a struct layout", () => {
  test("aligns each member to its own size and the whole to the largest", () => {
    const layout = struct({ a: u8, b: u32, c: u16, d: u64, e: u8 });
    expect(layout.offsets).toEqual({ a: 0, b: 4, c: 8, d: 16, e: 24 });
    expect(layout.sizeBytes).toBe(32);
  });

  test("packed has no holes", () => {
    const layout = struct({ a: u8, b: u32, c: u64 }, { packBytes: 1 });
    expect(layout.offsets).toEqual({ a: 0, b: 1, c: 5 });
    expect(layout.sizeBytes).toBe(13);
  });

  test("nests and repeats", () => {
    const inner = struct({ x: u8, y: u16 });
    const outer = struct({ head: u8, list: array(inner, 3) });
    expect(outer.offsets.list).toBe(2);
    const memory = outer.allocate();
    outer.encode(memory, {
      head: 7,
      list: [
        { x: 1, y: 2 },
        { x: 3, y: 4 },
      ],
    });
    expect(outer.decode(memory)).toEqual({
      head: 7,
      list: [
        { x: 1, y: 2 },
        { x: 3, y: 4 },
        { x: 0, y: 0 },
      ],
    });
  });

  test("may be larger than what is named, never smaller", () => {
    expect(struct({ a: u32 }, { sizeBytes: 100 }).sizeBytes).toBe(100);
    expect(() => struct({ a: u64 }, { sizeBytes: 4 })).toThrow(RangeError);
  });

  test("is read where native code has it", () => {
    const layout = struct({ a: u32, b: u64 });
    const memory = layout.allocate();
    layout.encode(memory, { a: 5, b: 1n << 63n });
    expect(layout.at(ptr(memory))).toEqual({ a: 5, b: 1n << 63n });
  });

  test("element n of an array of structs is n sizes away", () => {
    const layout = struct({ a: u16, b: u8 });
    const memory = layout.allocate(3);
    layout.encode(memory, { a: 513 }, 2);
    expect(layout.decode(memory, 2).a).toBe(513);
    expect(layout.decode(memory, 1).a).toBe(0);
  });
});

describe("text in a struct", () => {
  test("ends at the first NUL", () => {
    const layout = struct({ s: cstr(8) });
    const memory = new Uint8Array(Buffer.from("abc\0defg"));
    expect(layout.decode(memory).s).toBe("abc");
  });
  test("fills the array when there is no NUL", () => {
    expect(struct({ s: cstr(3) }).decode(new Uint8Array(Buffer.from("abc"))).s).toBe("abc");
  });
  test("that does not fit with its NUL is refused", () => {
    const layout = struct({ s: cstr(3) });
    expect(() => layout.encode(layout.allocate(), { s: "abc" })).toThrow(RangeError);
  });
  test("padded with blanks loses them", () => {
    const layout = struct({ s: padded(8) });
    expect(layout.decode(new Uint8Array(Buffer.from(" SN01   "))).s).toBe("SN01");
  });
  test("bytes of another length are refused", () => {
    const layout = struct({ b: bytes(4) });
    expect(() => layout.encode(layout.allocate(), { b: new Uint8Array(5) })).toThrow(RangeError);
  });
});

test("numbers of every width come back as they went in", () => {
  const layout = struct({ a: u8, b: u16, c: u32, d: u64, e: u128 });
  const unsigned = (bits: number) => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });
  fc.assert(
    fc.property(unsigned(8), unsigned(16), unsigned(32), unsigned(64), unsigned(128), (a, b, c, d, e) => {
      const value = { a: Number(a), b: Number(b), c: Number(c), d, e };
      const memory = layout.allocate();
      layout.encode(memory, value);
      expect(layout.decode(memory)).toEqual(value);
    }),
  );
});
