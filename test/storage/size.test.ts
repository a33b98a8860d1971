import { expect, test } from "bun:test";
import { formatIecBytes } from "../../src/faults/bytes.ts";
import { gibToBytes } from "../../src/storage/size.ts";

test.each([
  [0n, "0 B"],
  [9n, "9 B"],
  [10n, "10 B"],
  [1023n, "1023 B"],
  [1024n, "1.0 KiB"],
  [10n * 1024n, "10 KiB"],
  [4n * 1024n ** 3n, "4.0 GiB"],
  [23n * 1024n ** 3n + 512n * 1024n ** 2n, "24 GiB"],
  [5n * 1024n ** 4n, "5.0 TiB"],
])("%p bytes are written %p", (bytes, text) => {
  expect(formatIecBytes(bytes)).toBe(text);
});

test("GiB are binary", () => {
  expect(gibToBytes(2)).toBe(2147483648n);
});
