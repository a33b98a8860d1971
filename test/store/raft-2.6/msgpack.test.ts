import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeMsgpack, type MsgpackValue } from "../../../src/store/raft-2.6/msgpack.ts";

const decode = (hex: string): MsgpackValue => decodeMsgpack(Buffer.from(hex, "hex"));

test.each<[string, MsgpackValue]>([
  ["00", 0n],
  ["7f", 127n],
  ["ff", -1n],
  ["e0", -32n],
  ["c0", null],
  ["c2", false],
  ["c3", true],
  ["cc80", 128n],
  ["cd0100", 256n],
  ["ce00010000", 65536n],
  ["cfffffffffffffffff", 18446744073709551615n],
  ["d080", -128n],
  ["d18000", -32768n],
  ["d280000000", -2147483648n],
  ["d38000000000000000", -9223372036854775808n],
  ["ca3fc00000", 1.5],
  ["cb3ff8000000000000", 1.5],
  ["a26869", Buffer.from("hi")],
  ["d9026869", Buffer.from("hi")],
  ["da00026869", Buffer.from("hi")],
  ["db000000026869", Buffer.from("hi")],
  ["c4026869", Buffer.from("hi")],
  ["c500026869", Buffer.from("hi")],
  ["c6000000026869", Buffer.from("hi")],
  ["c70205aabb", Buffer.from("aabb", "hex")],
  ["d505aabb", Buffer.from("aabb", "hex")],
  ["9201a161", [1n, Buffer.from("a")]],
  ["dc000101", [1n]],
  ["dd0000000101", [1n]],
  ["81a16101", new Map([["a", 1n]])],
  ["de0001a16101", new Map([["a", 1n]])],
  ["df00000001a16101", new Map([["a", 1n]])],
])("%s is read", (hex, value) => {
  expect(decode(hex)).toEqual(value);
});

test.each([
  ["", "cut off"],
  ["a3", "cut off"],
  ["dbffffffff", "cut off"],
  ["ddffffffff", "cut off"],
  ["dfffffffff", "cut off"],
  ["810101", "a key is no text"],
  ["c1", "type 0xc1 is not known"],
  ["0000", "more follows"],
  ["91".repeat(40), "nested too deep"],
])("%s is refused", (hex, why) => {
  expect(() => decode(hex)).toThrow(why);
});

test("any bytes give a value or a RangeError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeMsgpack(Buffer.from(bytes));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});
