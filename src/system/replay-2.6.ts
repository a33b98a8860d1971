import { createDomainTree } from "./domain-tree-2.6.ts";
import {
  parseGoJson,
  type Snapshot,
  type SnapshotMember,
  type SnapshotPool,
  schemaVersion,
  systemOf,
} from "./snapshot-2.6.ts";
import type { SystemState } from "./types.ts";

/** A system of DAOS 2.6.0 as it arises from a snapshot and the changes that its log holds after it. */
export interface Replay {
  /**
   * Applies one entry of the log: JSON {"Time","Op","Data"}.
   * @throws Error when it is of no known kind, or cannot follow what was before it
   */
  apply(json: string): void;
  /** @throws Error when what has arisen contradicts itself */
  state(): SystemState;
}

interface MemberUpdate {
  readonly Member: SnapshotMember;
  readonly NextRank: boolean;
}

/** Numbers of the kinds of changes (raftOp). */
const Op = {
  AddMember: 1n,
  UpdateMember: 2n,
  RemoveMember: 3n,
  AddPoolService: 4n,
  UpdatePoolService: 5n,
  RemovePoolService: 6n,
  IncMapVer: 7n,
  UpdateSystemAttrs: 8n,
  AddCheckerFinding: 9n,
  ClearCheckerFindings: 12n,
} as const;

/** @param from what the log continues; undefined: the log begins with the system. */
export function createReplay(from: Snapshot | undefined): Replay {
  let version = from?.Version ?? 0n;
  // Rank 0 is kept for the first engine of the bootstrap replica.
  let nextRank = from?.NextRank ?? 1n;
  let mapVersion = from?.MapVersion ?? 0n;
  const members = new Map(Object.entries(from?.Members?.Uuids ?? {}));
  const pools = new Map(Object.entries(from?.Pools?.Uuids ?? {}));
  const attributes = new Map(Object.entries(from?.System?.Attributes ?? {}));
  const tree = createDomainTree(from?.Members?.FaultDomains ?? null);

  const updateMember = (now: SnapshotMember): void => {
    const old = members.get(now.uuid);
    if (old === undefined) throw new Error(`it changes member ${now.uuid}, which does not exist`);
    // Its address and the number of its contexts stay as they were.
    members.set(now.uuid, {
      ...old,
      state: now.state,
      info: now.info,
      last_update: now.last_update,
      incarnation: now.incarnation,
      fabric_uri: now.fabric_uri,
      secondary_fabric_uris: now.secondary_fabric_uris,
      fault_domain: now.fault_domain,
    });
    tree.removeRank(old.fault_domain, old.rank);
    tree.addRank(now.fault_domain, old.rank);
  };

  const memberChange = (op: bigint, { Member: member, NextRank }: MemberUpdate): void => {
    if (op === Op.UpdateMember) updateMember(member);
    else if (op === Op.RemoveMember) {
      members.delete(member.uuid);
      tree.removeRank(member.fault_domain, member.rank);
    } else {
      members.set(member.uuid, member);
      tree.addRank(member.fault_domain, member.rank);
    }
    if (NextRank) nextRank++;
    mapVersion++;
  };

  const poolChange = (op: bigint, pool: SnapshotPool): void => {
    const old = pools.get(pool.PoolUUID);
    if (op === Op.AddPoolService) pools.set(pool.PoolUUID, pool);
    else if (op === Op.RemovePoolService) pools.delete(pool.PoolUUID);
    else if (old === undefined) throw new Error(`it changes pool ${pool.PoolUUID}, which does not exist`);
    else {
      // What it was given of the storage stays as it was.
      const { State, Replicas, PoolLabel, LastUpdate } = pool;
      pools.set(pool.PoolUUID, { ...old, State, Replicas, PoolLabel, LastUpdate });
    }
  };

  const attributeChange = (changes: Readonly<Record<string, string>>): void => {
    for (const [key, value] of Object.entries(changes)) {
      if (value === "") attributes.delete(key);
      else attributes.set(key, value);
    }
  };

  return {
    apply(json) {
      const { Op: op, Data: data } = objectOf(parseGoJson(json), "it") as Record<string, unknown>;
      if (typeof op !== "bigint") throw new Error("it does not say what it changes");
      if (op >= Op.AddMember && op <= Op.RemoveMember) memberChange(op, memberUpdateOf(data));
      else if (op >= Op.AddPoolService && op <= Op.RemovePoolService) poolChange(op, poolOf(data));
      else if (op === Op.IncMapVer) mapVersion++;
      else if (op === Op.UpdateSystemAttrs) attributeChange(attributesOf(data));
      // Findings of the checker are left behind, as readSnapshot leaves them.
      else if (op < Op.AddCheckerFinding || op > Op.ClearCheckerFindings) {
        throw new Error(`its kind ${op} is not known`);
      }
      version++;
    },
    state: () =>
      systemOf({
        Version: version,
        NextRank: nextRank,
        MapVersion: mapVersion,
        Members: {
          Ranks: {},
          Uuids: Object.fromEntries(members),
          Addrs: {},
          FaultDomains: tree.toSnapshot(),
        },
        Pools: { Ranks: {}, Uuids: Object.fromEntries(pools), Labels: {} },
        Checker: null,
        System: { Attributes: Object.fromEntries(attributes) },
        SchemaVersion: schemaVersion,
      }),
  };
}

function objectOf(value: unknown, what: string): object {
  if (typeof value !== "object" || value === null) throw new Error(`${what} is not an object`);
  return value;
}

function memberUpdateOf(data: unknown): MemberUpdate {
  const update = objectOf(data, "its content") as MemberUpdate;
  const { uuid, rank, fault_domain } = objectOf(update.Member, "its member") as SnapshotMember;
  if (typeof uuid !== "string" || typeof rank !== "bigint" || typeof fault_domain !== "string") {
    throw new Error("its member has no UUID, no rank or no fault domain");
  }
  return update;
}

function poolOf(data: unknown): SnapshotPool {
  const pool = objectOf(data, "its content") as SnapshotPool;
  if (typeof pool.PoolUUID !== "string") throw new Error("its pool has no UUID");
  return pool;
}

function attributesOf(data: unknown): Readonly<Record<string, string>> {
  const attributes = objectOf(data, "its content") as Record<string, unknown>;
  for (const value of Object.values(attributes)) {
    if (typeof value !== "string") throw new Error("a value of its attributes is no text");
  }
  return attributes as Record<string, string>;
}
