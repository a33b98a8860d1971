import { errorText } from "../faults/fault.ts";
import type { HostResult } from "./fanout.ts";
import { sortHosts } from "./hostset.ts";
import { plural } from "./words.ts";

/** Hosts that failed alike. */
export interface HostErrorSet {
  readonly error: unknown;
  readonly hosts: string[];
}

/** Errors of a fan-out, by their text (2.6: HostErrorsMap). */
export type HostErrors = Map<string, HostErrorSet>;

export function addHostError(errors: HostErrors, host: string, error: unknown): void {
  const text = errorText(error);
  const set = errors.get(text);
  if (set) set.hosts.push(host);
  else errors.set(text, { error, hosts: [host] });
}

/** "3 hosts had errors", or undefined when none had. */
export function hostErrorsSummary(errors: HostErrors): Error | undefined {
  const hosts = new Set([...errors.values()].flatMap((set) => set.hosts));
  return hosts.size === 0 ? undefined : new Error(`${plural(hosts.size, "host")} had errors`);
}

/** One answer and all hosts that gave it. */
export interface HostGroup<T> {
  readonly value: T;
  readonly hosts: string[];
  /** Text that is the same for the same answer, and only then. */
  readonly key: string;
}

/**
 * Same answers put together, sorted by their hosts. Equality is that of `keyOf` (default: the whole
 * value); what differs from host to host without meaning, serial numbers for one, should not be in it.
 */
export function groupHosts<T>(
  answers: readonly { readonly host: string; readonly value: T }[],
  keyOf: (value: T) => unknown = (value) => value,
): HostGroup<T>[] {
  const groups = new Map<string, HostGroup<T>>();
  for (const { host, value } of answers) {
    const key = JSON.stringify(keyOf(value), (_, field) => (typeof field === "bigint" ? `${field}n` : field));
    const group = groups.get(key);
    if (group) group.hosts.push(host);
    else groups.set(key, { value, hosts: [host], key });
  }
  return [...groups.values()]
    .map((group) => ({ ...group, hosts: sortHosts(group.hosts) }))
    .sort((left, right) => (left.hosts[0]! < right.hosts[0]! ? -1 : 1));
}

/** Splits results of a fan-out into answers and folded errors. */
export function splitResults<T>(results: readonly HostResult<T>[]): {
  answers: { host: string; value: T }[];
  errors: HostErrors;
} {
  const answers: { host: string; value: T }[] = [];
  const errors: HostErrors = new Map();
  for (const result of results) {
    if (result.error !== undefined) addHostError(errors, result.host, result.error);
    else answers.push({ host: result.host, value: result.value as T });
  }
  return { answers, errors };
}
