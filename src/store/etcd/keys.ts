/**
 * How the system lies in etcd: everything below one prefix, so that a cluster can be shared.
 * - "<prefix>leader" names the leader, bound to its lease. The revision of its last write is the term: every
 *   commit compares it, which is the fence.
 * - "<prefix>commit" holds the name of the last commit; the next compares its revision, so that commits form a
 *   chain and one whose answer was lost can be looked up.
 * - "<prefix>d/<key>" are the records.
 */
export interface EtcdKeys {
  readonly leader: string;
  readonly commit: string;
  readonly all: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array };
  readonly records: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array };
  record(key: string): Uint8Array;
  /** The record's key of an etcd key; undefined when it is none. */
  recordKey(key: string): string | undefined;
}

export function etcdKeys(systemName: string): EtcdKeys {
  const prefix = `daosctl/${systemName}/`;
  const recordPrefix = `${prefix}d/`;
  return {
    leader: `${prefix}leader`,
    commit: `${prefix}commit`,
    all: rangeOf(prefix),
    records: rangeOf(recordPrefix),
    record: (key) => bytes(recordPrefix + key),
    recordKey: (key) => (key.startsWith(recordPrefix) ? key.slice(recordPrefix.length) : undefined),
  };
}

function rangeOf(prefix: string): { key: Uint8Array; rangeEnd: Uint8Array } {
  const end = bytes(prefix);
  // A prefix ends in "/": the next byte exists.
  end[end.length - 1]! += 1;
  return { key: bytes(prefix), rangeEnd: end };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const decoder = new TextDecoder();

export function text(data: Uint8Array): string {
  return decoder.decode(data);
}
