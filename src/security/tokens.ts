import { createHash, randomBytes, timingSafeEqual, type X509Certificate } from "node:crypto";

/**
 * A token that a node without a certificate shows to get one, once: `djt1.<id>.<secret>.<pin>[.<pin>]`, base64url. The
 * system keeps the hash of the secret under the id; a pin is the hash of the public key of a CA, by which the node knows
 * that it talks to the system that the token is of (as bootstrap tokens of Kubernetes do).
 */
export interface JoinToken {
  readonly id: string;
  readonly secret: string;
  readonly pins: readonly string[];
}

const form = "djt1";
const idBytes = 8;
/** Beyond guessing, whatever the rate. */
const secretBytes = 24;
const part = /^[A-Za-z0-9_-]+$/;
const maxPins = 8;

const idLength = encodedLength(idBytes);
const secretLength = encodedLength(secretBytes);
const pinLength = encodedLength(32);

function encodedLength(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}

/** A new token of a system that trusts these CAs. */
export function makeToken(authorities: readonly X509Certificate[]): JoinToken {
  return {
    id: randomBytes(idBytes).toString("base64url"),
    secret: randomBytes(secretBytes).toString("base64url"),
    pins: authorities.slice(0, maxPins).map(pinOf),
  };
}

export function tokenText({ id, secret, pins }: JoinToken): string {
  return [form, id, secret, ...pins].join(".");
}

/** @throws Error that does not repeat the token: it is a secret */
export function parseToken(text: string): JoinToken {
  const [start, id = "", secret = "", ...pins] = text.trim().split(".");
  const whole =
    start === form &&
    isTokenId(id) &&
    isPart(secret, secretLength) &&
    pins.length >= 1 &&
    pins.length <= maxPins &&
    pins.every((pin) => isPart(pin, pinLength));
  if (!whole) throw new Error(`this is no token: they look like ${form}.<id>.<secret>.<pin>`);
  return { id, secret, pins };
}

function isPart(text: string, length: number): boolean {
  return text.length === length && part.test(text);
}

export function isTokenId(text: string): boolean {
  return isPart(text, idLength);
}

/** What the system keeps of a secret. */
export function secretHash(secret: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(secret, "utf8").digest());
}

/** Takes the same time wherever they differ. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The hash that names a CA: SHA-256 of its public key (SPKI). */
export function pinOf(authority: X509Certificate): string {
  const key = authority.publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64url");
}
