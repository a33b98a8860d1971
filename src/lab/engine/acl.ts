import { Der, DerError } from "./der.ts";

/** One access control entry, `TYPES:FLAGS:PRINCIPAL:PERMISSIONS`. */
export interface Ace {
  readonly types: string;
  readonly flags: string;
  readonly principal: string;
  readonly permissions: string;
}

/** Orders in which 2.6 prints what it kept as bits. */
const typeOrder = "AUL";
const flagOrder = "GSFP";
const permissionOrder = "rwcdtTaAo";

const owner = "OWNER@";
const ownerGroup = "GROUP@";
const everyone = "EVERYONE@";

/** An ACL nobody asked for. */
export const defaultAcl: readonly string[] = ["A::OWNER@:rw", "A:G:GROUP@:rw"];

function letters(text: string, order: string, what: string): string {
  for (const letter of text) {
    if (!order.includes(letter)) throw new DerError(Der.INVAL, `bad ${what} "${letter}" in ACL entry`);
  }
  return [...order].filter((letter) => text.includes(letter)).join("");
}

/** `name@[domain]`, or one of the three special ones. */
function isPrincipal(text: string): boolean {
  return text.length <= 255 && /^[^@:\s]+@[^@:\s]*$/.test(text);
}

/**
 * Parses and normalises one entry.
 * @throws DerError DER_INVAL when it is not one, or contradicts itself
 */
export function parseAce(text: string): Ace {
  const fields = text.split(":");
  if (fields.length !== 4) throw new DerError(Der.INVAL, `ACL entry ${text} has not four fields`);
  const [types, flags, principal, permissions] = fields as [string, string, string, string];
  const ace: Ace = {
    types: letters(types, typeOrder, "access type"),
    flags: letters(flags, flagOrder, "flag"),
    principal,
    permissions: letters(permissions, permissionOrder, "permission"),
  };
  if (ace.types === "") throw new DerError(Der.INVAL, `ACL entry ${text} has no access type`);
  if (!isPrincipal(principal)) throw new DerError(Der.INVAL, `bad principal ${principal}`);
  const group = ace.flags.includes("G");
  if (principal === ownerGroup ? !group : group && (principal === owner || principal === everyone)) {
    throw new DerError(Der.INVAL, `ACL entry ${text}: wrong group flag`);
  }
  const watched = ace.flags.includes("S") || ace.flags.includes("F");
  const watches = ace.types.includes("U") || ace.types.includes("L");
  if (watched !== watches) {
    throw new DerError(Der.INVAL, `ACL entry ${text}: audit or alarm needs S or F, and only they do`);
  }
  return ace;
}

export function formatAce(ace: Ace): string {
  return `${ace.types}:${ace.flags}:${ace.principal}:${ace.permissions}`;
}

/** Owner, users, owner group, groups, everyone: the order in which they are evaluated and shown. */
function weight(ace: Ace): number {
  if (ace.principal === owner) return 0;
  if (ace.principal === ownerGroup) return 2;
  if (ace.principal === everyone) return 4;
  return ace.flags.includes("G") ? 3 : 1;
}

function sorted(entries: readonly Ace[]): string[] {
  return entries.toSorted((a, b) => weight(a) - weight(b)).map(formatAce);
}

function samePrincipal(a: Ace, b: Ace): boolean {
  return a.principal === b.principal && weight(a) === weight(b);
}

/**
 * A whole ACL, in order.
 * @throws DerError DER_INVAL for a bad entry or a principal named twice
 */
export function parseAcl(entries: readonly string[]): string[] {
  const parsed = entries.map(parseAce);
  parsed.forEach((ace, i) => {
    if (parsed.findIndex((other) => samePrincipal(ace, other)) !== i) {
      throw new DerError(Der.INVAL, `principal ${ace.principal} is named twice`);
    }
  });
  return sorted(parsed);
}

/** Adds entries; one for a principal that has one already replaces it. */
export function mergeAcl(current: readonly string[], changes: readonly string[]): string[] {
  const merged = current.map(parseAce);
  for (const ace of parseAcl(changes).map(parseAce)) {
    const at = merged.findIndex((other) => samePrincipal(ace, other));
    if (at < 0) merged.push(ace);
    else merged[at] = ace;
  }
  return sorted(merged);
}

/**
 * Removes the entry of a principal, given as `u:name@`, `g:name@` or `OWNER@`, `GROUP@`, `EVERYONE@`.
 * @throws DerError DER_INVAL for another form, DER_NONEXIST when there is no such entry
 */
export function removeFromAcl(current: readonly string[], principal: string): string[] {
  const match = /^(?:([ug]):)?(.+)$/.exec(principal);
  const name = match?.[2] ?? "";
  const special = name === owner || name === ownerGroup || name === everyone;
  if (match === null || !isPrincipal(name) || (match[1] === undefined) !== special) {
    throw new DerError(Der.INVAL, `bad principal ${principal}`);
  }
  const entries = current.map(parseAce);
  const rest = entries.filter(
    (ace) => ace.principal !== name || (!special && ace.flags.includes("G") !== (match[1] === "g")),
  );
  if (rest.length === entries.length) throw new DerError(Der.NONEXIST, `no entry for ${principal}`);
  return sorted(rest);
}
