import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { decodeCall, decodeResponse, encodeCall, encodeResponse } from "../../src/drpc/frames.ts";
import { Status } from "../../src/drpc/status.ts";
import { hex } from "./support.ts";

interface Recorded {
  kind: "call" | "response";
  sequence: number;
  status?: number;
  module?: number;
  method?: number;
  frame: string;
}

const recorded: Recorded[] = fs
  .readFileSync(path.join(import.meta.dir, "../reference/drpc-2.6.jsonl"), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line));

describe("packets recorded between a 2.6.0 server and engine", () => {
  test("are all there", () => expect(recorded.length).toBe(41));

  recorded.forEach((packet, index) => {
    test(`#${index} ${packet.kind} ${packet.method ?? ""} is read, and written again byte for byte`, () => {
      const frame = hex(packet.frame);
      if (packet.kind === "call") {
        const call = decodeCall(frame);
        expect([call.module, call.method, Number(call.sequence)]).toEqual([
          packet.module!,
          packet.method!,
          packet.sequence,
        ]);
        const again = encodeCall(call.module, call.method, call.sequence, call.body);
        expect(Buffer.from(again).toString("hex")).toBe(packet.frame);
      } else {
        const response = decodeResponse(frame);
        expect([response.status as number, Number(response.sequence)]).toEqual([
          packet.status!,
          packet.sequence,
        ]);
        const again = encodeResponse(response.sequence, response.status, response.body);
        expect(Buffer.from(again).toString("hex")).toBe(packet.frame);
      }
    });
  });
});

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const body = fc.uint8Array({ maxLength: 300 });

describe("frames", () => {
  test("of any call are read as they were written", () => {
    fc.assert(
      fc.property(int32, int32, int64, body, (module, method, sequence, bytes) => {
        const call = decodeCall(encodeCall(module, method, sequence, bytes));
        expect([call.module, call.method, call.sequence]).toEqual([module, method, sequence]);
        expect([...call.body]).toEqual([...bytes]);
      }),
    );
  });

  test("of any answer are read as they were written", () => {
    fc.assert(
      fc.property(int64, body, (sequence, bytes) => {
        const response = decodeResponse(encodeResponse(sequence, Status.SUCCESS, bytes));
        expect([response.sequence, response.status]).toEqual([sequence, Status.SUCCESS]);
        expect([...response.body]).toEqual([...bytes]);
      }),
    );
  });

  test("of an answer that is all defaults have no bytes at all", () => {
    expect(encodeResponse(0n, Status.SUCCESS).length).toBe(0);
  });

  test("carry no body beside a failure", () => {
    expect(decodeResponse(encodeResponse(7n, Status.FAILURE, hex("0102"))).body.length).toBe(0);
  });

  test("with fields of a later version are read without them", () => {
    const later = new Uint8Array([...encodeCall(2, 202, 5n, hex("aa")), ...hex("c83e01")]);
    expect(decodeCall(later).sequence).toBe(5n);
  });

  test("that are cut off anywhere inside the body are refused", () => {
    const whole = encodeCall(2, 202, 5n, new Uint8Array(40));
    for (let length = whole.length - 40; length < whole.length; length++) {
      expect(() => decodeCall(whole.subarray(0, length))).toThrow();
    }
  });

  test("of noise are refused or read, never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        try {
          const call = decodeCall(noise);
          expect(typeof call.module).toBe("number");
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
