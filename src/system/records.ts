import { type Change, type Member, MemberState, type PoolService, type SystemState } from "./types.ts";

/**
 * How the system is written down: a key a record, JSON text as value. "member/<rank>", "pool/<uuid>",
 * "attr/<key>", "domain/<path>", "finding/<seq>" and "meta/system" (counters). Each object carries `v`, the
 * version of its form, so that a later build can read what this one wrote and refuse what it cannot.
 */
const recordVersion = 1;
const metaKey = "meta/system";

export interface RecordOp {
  readonly key: string;
  readonly value: string | undefined;
}

interface StoredMeta {
  readonly v: number;
  readonly version: string;
  readonly nextRank: number;
  readonly mapVersion: number;
}

type StoredMember = Omit<Member, "incarnation"> & { readonly v: number; readonly incarnation: string };
type StoredPool = Omit<PoolService, "perRankTierBytes"> & {
  readonly v: number;
  readonly perRankTierBytes: readonly string[];
};

function memberText(member: Member): string {
  const stored: StoredMember = { v: recordVersion, ...member, incarnation: member.incarnation.toString() };
  return JSON.stringify(stored);
}

function poolText(pool: PoolService): string {
  const stored: StoredPool = {
    v: recordVersion,
    ...pool,
    perRankTierBytes: pool.perRankTierBytes.map((bytes) => bytes.toString()),
  };
  return JSON.stringify(stored);
}

/** What to write for one change. Counters go with metaOps. */
export function changeToOps(change: Change): RecordOp[] {
  switch (change.kind) {
    case "putMember":
      return [{ key: `member/${change.member.rank}`, value: memberText(change.member) }];
    case "removeMember":
      return [{ key: `member/${change.rank}`, value: undefined }];
    case "putPool":
      return [{ key: `pool/${change.pool.uuid}`, value: poolText(change.pool) }];
    case "removePool":
      return [{ key: `pool/${change.uuid}`, value: undefined }];
    case "setAttribute":
      return [{ key: `attr/${change.key}`, value: JSON.stringify(change.value) }];
    case "removeAttribute":
      return [{ key: `attr/${change.key}`, value: undefined }];
    case "putDomain":
      return [{ key: `domain/${change.path}`, value: JSON.stringify(change.id) }];
    case "putFinding":
      return [{ key: `finding/${change.seq}`, value: change.report }];
    case "removeFinding":
      return [{ key: `finding/${change.seq}`, value: undefined }];
    case "setNextRank":
    case "bumpMapVersion":
      return [];
  }
}

/** The counters of a state. */
export function metaOps(state: SystemState): RecordOp[] {
  const stored: StoredMeta = {
    v: recordVersion,
    version: state.version.toString(),
    nextRank: state.nextRank,
    mapVersion: state.mapVersion,
  };
  return [{ key: metaKey, value: JSON.stringify(stored) }];
}

/** Every record of a state; what a fresh store would hold. */
export function stateToRecords(state: SystemState): Map<string, string> {
  const changes: Change[] = [];
  for (const member of state.members.values()) changes.push({ kind: "putMember", member });
  for (const pool of state.pools.values()) changes.push({ kind: "putPool", pool });
  for (const [key, value] of state.attributes) changes.push({ kind: "setAttribute", key, value });
  for (const [path, id] of state.domainIds) changes.push({ kind: "putDomain", path, id });
  for (const [seq, report] of state.findings) changes.push({ kind: "putFinding", seq, report });
  const records = new Map<string, string>();
  for (const op of [...changes.flatMap(changeToOps), ...metaOps(state)]) {
    if (op.value !== undefined) records.set(op.key, op.value);
  }
  return records;
}

/**
 * Reads a state back.
 * @throws Error naming the key of a record that is damaged, of a newer form, or contradicts another one.
 */
export function stateFromRecords(records: ReadonlyMap<string, string>, empty: SystemState): SystemState {
  const members = new Map<number, Member>();
  const pools = new Map<string, PoolService>();
  const attributes = new Map<string, string>();
  const domainIds = new Map<string, number>();
  const findings = new Map<string, string>();
  const ranksByUuid = new Map<string, number>();
  const poolsByLabel = new Map<string, string>();
  let counters: Counters = empty;

  for (const [key, value] of records) {
    const change = recordToChange({ key, value });
    switch (change?.kind) {
      case "putMember": {
        const { member } = change;
        unique(key, ranksByUuid.has(member.uuid), `member ${member.uuid} has two ranks`);
        members.set(member.rank, member);
        ranksByUuid.set(member.uuid, member.rank);
        break;
      }
      case "putPool": {
        const { pool } = change;
        pools.set(pool.uuid, pool);
        if (pool.label === "") break;
        unique(key, poolsByLabel.has(pool.label), `label "${pool.label}" is used twice`);
        poolsByLabel.set(pool.label, pool.uuid);
        break;
      }
      case "setAttribute":
        attributes.set(change.key, change.value);
        break;
      case "putDomain":
        domainIds.set(change.path, change.id);
        break;
      case "putFinding":
        findings.set(change.seq, change.report);
        break;
      default:
        counters = readCounters([{ key, value }]) ?? counters;
    }
  }
  const inOrder = new Map([...members].sort(([a], [b]) => a - b));
  return { ...counters, members: inOrder, pools, attributes, domainIds, findings, ranksByUuid, poolsByLabel };
}

/**
 * What one written record means, as a change; undefined for the counters, which readCounters reads.
 * @throws Error as stateFromRecords.
 */
export function recordToChange({ key, value }: RecordOp): Change | undefined {
  const slash = key.indexOf("/");
  const name = key.slice(slash + 1);
  const parsed = value === undefined ? undefined : parseRecord(key, value);
  switch (key.slice(0, slash)) {
    case "member":
      return value === undefined
        ? { kind: "removeMember", rank: Number(name) }
        : { kind: "putMember", member: readMember(key, parsed) };
    case "pool":
      return value === undefined
        ? { kind: "removePool", uuid: name }
        : { kind: "putPool", pool: readPool(key, parsed) };
    case "attr":
      return value === undefined
        ? { kind: "removeAttribute", key: name }
        : { kind: "setAttribute", key: name, value: expect(key, parsed, "string") };
    case "domain":
      if (value === undefined) return damaged(key, "was removed: numbers of fault domains stay");
      return { kind: "putDomain", path: name, id: expect(key, parsed, "number") };
    case "finding":
      return value === undefined
        ? { kind: "removeFinding", seq: name }
        : { kind: "putFinding", seq: name, report: value };
    case "meta":
      return undefined;
    default:
      return damaged(key, "is of no kind this version knows");
  }
}

type Counters = Pick<SystemState, "version" | "nextRank" | "mapVersion">;

/** The counters among written records, or undefined when they are not. */
export function readCounters(ops: readonly RecordOp[]): Counters | undefined {
  const text = ops.findLast(({ key, value }) => key === metaKey && value !== undefined)?.value;
  return text === undefined ? undefined : readMeta(metaKey, parseRecord(metaKey, text));
}

function damaged(key: string, why: string): never {
  throw new Error(`record ${key} ${why}`);
}

function unique(key: string, taken: boolean, why: string): void {
  if (taken) damaged(key, `contradicts another one: ${why}`);
}

function parseRecord(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return damaged(key, "is not JSON");
  }
}

interface Primitives {
  string: string;
  number: number;
}

function expect<K extends keyof Primitives>(key: string, value: unknown, type: K): Primitives[K] {
  const found: string = typeof value;
  return found === type ? (value as Primitives[K]) : damaged(key, `is not a ${type}`);
}

/** The record as an object of a form this version can read. */
function versioned(key: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) return damaged(key, "is not an object");
  const record = value as Record<string, unknown>;
  const version = expect(`${key} (v)`, record["v"], "number");
  if (version > recordVersion) damaged(key, `has form ${version}; this version reads up to ${recordVersion}`);
  return record;
}

function readMember(key: string, value: unknown): Member {
  const { v: _, ...record } = versioned(key, value);
  const stored = record as unknown as StoredMember;
  if (key !== `member/${expect(key, stored.rank, "number")}`) damaged(key, `is of rank ${stored.rank}`);
  expect(key, stored.uuid, "string");
  if (!(stored.state in MemberState)) damaged(key, `has the unknown state ${stored.state}`);
  return { ...stored, incarnation: BigInt(stored.incarnation) };
}

function readPool(key: string, value: unknown): PoolService {
  const { v: _, ...record } = versioned(key, value);
  const stored = record as unknown as StoredPool;
  if (key !== `pool/${expect(key, stored.uuid, "string")}`) damaged(key, `is of pool ${stored.uuid}`);
  return { ...stored, perRankTierBytes: stored.perRankTierBytes.map(BigInt) };
}

function readMeta(key: string, value: unknown): Counters {
  const stored = versioned(key, value) as unknown as StoredMeta;
  return {
    version: BigInt(stored.version),
    nextRank: expect(key, stored.nextRank, "number"),
    mapVersion: expect(key, stored.mapVersion, "number"),
  };
}
