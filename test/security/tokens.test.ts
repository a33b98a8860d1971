import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { makeToken, parseToken, pinOf, sameHash, secretHash, tokenText } from "../../src/security/tokens.ts";
import { testAuthority } from "./authority.ts";

const ca = new X509Certificate((await testAuthority()).caPem);

describe("a join token", () => {
  test("is read as it was written", () => {
    const token = makeToken([ca, ca]);
    expect(parseToken(` ${tokenText(token)}\n`)).toEqual(token);
    expect(token.pins[0]).toBe(pinOf(ca));
  });

  test("differs each time, and its secret is beyond guessing", () => {
    const [a, b] = [makeToken([ca]), makeToken([ca])];
    expect(a.id).not.toBe(b.id);
    expect(Buffer.from(a.secret, "base64url").length).toBe(24);
  });

  test("that is malformed is refused without being repeated", () => {
    const good = tokenText(makeToken([ca]));
    const bad = [good.slice(1), good.replace("djt1", "djt2"), good.slice(0, -1), `${good}.`, `${good}.x`, ""];
    for (const text of bad) {
      let message = "";
      try {
        parseToken(text);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toContain("this is no token");
      expect(message).not.toContain(good.split(".")[2]!);
    }
  });

  test("of any text is read or refused, nothing else", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          const token = parseToken(text);
          expect(tokenText(token)).toBe(text.trim());
        } catch (error) {
          expect((error as Error).message).toContain("this is no token");
        }
      }),
    );
  });

  test("hashes are compared whole", () => {
    expect(sameHash(secretHash("a"), secretHash("a"))).toBe(true);
    expect(sameHash(secretHash("a"), secretHash("b"))).toBe(false);
    expect(sameHash(secretHash("a"), new Uint8Array(0))).toBe(false);
  });
});
