import { DAOS_VERSION } from "../version.ts";
import type { Component } from "./roles.ts";

/** The version this product speaks as: that of the programs it replaces. */
export const wireVersion = DAOS_VERSION;

/** Headers of every call: who calls, and of which version. */
export const componentHeader = "x-daos-component";
export const versionHeader = "x-daos-version";

export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** Agents may be this many minor versions away from their server. */
const maxAgentMinorDelta = 2;

/** Reads "2.6.0" or "v2.6.0". Undefined when it is no version. */
export function parseVersion(text: string): Version | undefined {
  const parts = /^v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/.exec(text);
  if (parts === null) return undefined;
  return { major: Number(parts[1]), minor: Number(parts[2]), patch: Number(parts[3]) };
}

export function versionText(version: Version): string {
  return `${version.major}.${version.minor}.${version.patch}`;
}

export function sameVersion(a: Version, b: Version): boolean {
  return a.major === b.major && a.minor === b.minor && a.patch === b.patch;
}

/**
 * May a server of version `self` work for `other`? The rules of 2.6: equal versions always; an agent within
 * two minor versions; nothing older than 2.0 with anything newer; otherwise major and minor must agree.
 */
export function isCompatible(self: Version, component: Component, other: Version): boolean {
  if (sameVersion(self, other)) return true;
  const minorDelta = Math.abs(self.minor - other.minor);
  if (component === "agent") return self.major === other.major && minorDelta <= maxAgentMinorDelta;
  if (self.major >= 2 && other.major < 2) return false;
  return self.major === other.major && minorDelta === 0;
}

/** The system named by the `sys` field of a request, and the version some callers append to it. */
export interface SystemField {
  readonly name: string;
  readonly version: Version | undefined;
}

/** Splits "daos_server-2.6.0" or "daos_server". A last part that is no version belongs to the name. */
export function parseSystemField(sys: string): SystemField {
  const dash = sys.lastIndexOf("-");
  const version = dash < 0 ? undefined : parseVersion(sys.slice(dash + 1));
  return version === undefined ? { name: sys, version } : { name: sys.slice(0, dash), version };
}
