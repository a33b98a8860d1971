import { formatFaultDomain, parseFaultDomain, rootDomainId } from "./fault-domain.ts";
import { parseUuid } from "./labels.ts";
import { memberStateText, parseMemberState } from "./member-state.ts";
import { formatRanks, parseRanks } from "./ranks.ts";
import type { Member, PoolService, PoolState, SystemState } from "./types.ts";

/**
 * The whole system as DAOS 2.6.0 writes it into a snapshot of its management database
 * (`control_raft/snapshots/<term>-<index>-<ms>/state.bin`): one JSON object. The names are Go's; integers
 * of 64 bits stand as numbers and are read and written digit by digit.
 */
export interface Snapshot {
  readonly Version: bigint;
  readonly NextRank: bigint;
  readonly MapVersion: bigint;
  readonly Members: SnapshotMembers | null;
  readonly Pools: SnapshotPools | null;
  readonly Checker: { readonly Findings: Readonly<Record<string, unknown>> | null } | null;
  readonly System: { readonly Attributes: Readonly<Record<string, string>> | null } | null;
  readonly SchemaVersion: bigint;
}

export interface SnapshotMembers {
  /** Rank to UUID. */
  readonly Ranks: Readonly<Record<string, string>>;
  readonly Uuids: Readonly<Record<string, SnapshotMember>>;
  /** Control address to UUIDs. */
  readonly Addrs: Readonly<Record<string, readonly string[]>>;
  readonly FaultDomains: SnapshotDomain | null;
}

export interface SnapshotMember {
  readonly addr: string;
  readonly state: string;
  readonly fault_domain: string;
  readonly rank: bigint;
  readonly incarnation: bigint;
  readonly uuid: string;
  readonly fabric_uri: string;
  readonly secondary_fabric_uris: readonly string[] | null;
  readonly fabric_contexts: bigint;
  readonly secondary_fabric_contexts: readonly bigint[] | null;
  readonly info: string;
  readonly last_update: string;
}

/** A node of the fault domain tree; ranks are leaves of it, named "rank<N>". */
export interface SnapshotDomain {
  readonly Domain: { readonly Domains: readonly string[] | null };
  readonly ID: bigint;
  readonly Children: readonly SnapshotDomain[] | null;
}

export interface SnapshotPools {
  readonly Ranks: Readonly<Record<string, readonly string[]>>;
  readonly Uuids: Readonly<Record<string, SnapshotPool>>;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface SnapshotPool {
  readonly PoolUUID: string;
  readonly PoolLabel: string;
  /** mgmt.PoolServiceState. */
  readonly State: bigint;
  readonly Replicas: readonly bigint[] | null;
  readonly Storage: {
    readonly CreationRankStr: string;
    readonly CurrentRankStr: string;
    readonly PerRankTierStorage: readonly bigint[] | null;
  } | null;
  readonly LastUpdate: string;
}

/** The schema of 2.6.0 (CurrentSchemaVersion). */
export const schemaVersion = 0n;
const poolStates: readonly PoolState[] = ["Creating", "Ready", "Destroying", "Degraded", "Unknown"];

/**
 * Reads a snapshot. Findings of the checker are left behind: a check of the system here finds what is still
 * to be found.
 * @throws Error saying what of it cannot be understood.
 */
export function readSnapshot(text: string): SystemState {
  return systemOf(parseSnapshot(text));
}

/**
 * Reads the document alone.
 * @throws Error when it is of another schema than that of 2.6.0
 */
export function parseSnapshot(text: string): Snapshot {
  const snapshot = parseGoJson(text) as Snapshot;
  if (snapshot?.SchemaVersion !== schemaVersion) {
    throw new Error(`the snapshot has schema version ${snapshot?.SchemaVersion}, not ${schemaVersion}`);
  }
  return snapshot;
}

/** The system that the document describes. @throws Error as readSnapshot */
export function systemOf(snapshot: Snapshot): SystemState {
  const members = new Map<number, Member>();
  const ranksByUuid = new Map<string, number>();
  for (const each of Object.values(snapshot.Members?.Uuids ?? {})) {
    const member = readMember(each);
    if (members.has(member.rank)) throw new Error(`rank ${member.rank} stands twice in the snapshot`);
    members.set(member.rank, member);
    ranksByUuid.set(member.uuid, member.rank);
  }
  const pools = new Map<string, PoolService>();
  const poolsByLabel = new Map<string, string>();
  for (const each of Object.values(snapshot.Pools?.Uuids ?? {})) {
    const pool = readPool(each);
    pools.set(pool.uuid, pool);
    if (pool.label !== "") poolsByLabel.set(pool.label, pool.uuid);
  }
  return {
    version: snapshot.Version,
    nextRank: Number(snapshot.NextRank),
    mapVersion: Number(snapshot.MapVersion),
    members: new Map([...members].sort(([a], [b]) => a - b)),
    pools,
    attributes: new Map(Object.entries(snapshot.System?.Attributes ?? {})),
    domainIds: readDomains(snapshot.Members?.FaultDomains ?? null, members),
    findings: new Map(),
    ranksByUuid,
    poolsByLabel,
  };
}

/** Writes a system so that 2.6.0 restores it. */
export function writeSnapshot(state: SystemState): string {
  const members = [...state.members.values()].sort((a, b) => a.rank - b.rank);
  const pools = [...state.pools.values()];
  const snapshot: Snapshot = {
    Version: state.version,
    NextRank: BigInt(state.nextRank),
    MapVersion: BigInt(state.mapVersion),
    Members: {
      Ranks: Object.fromEntries(members.map(({ rank, uuid }) => [rank, uuid])),
      Uuids: Object.fromEntries(members.map((member) => [member.uuid, writeMember(member)])),
      Addrs: grouped(members.map(({ addr, uuid }) => [addr, uuid])),
      FaultDomains: writeDomains(state, members),
    },
    Pools: {
      Ranks: grouped(pools.flatMap(({ replicas, uuid }) => replicas.map((rank) => [String(rank), uuid]))),
      Uuids: Object.fromEntries(pools.map((pool) => [pool.uuid, writePool(pool)])),
      Labels: Object.fromEntries(state.poolsByLabel),
    },
    Checker: { Findings: {} },
    System: { Attributes: Object.fromEntries(state.attributes) },
    SchemaVersion: schemaVersion,
  };
  return JSON.stringify(snapshot, (_, value: unknown) =>
    typeof value === "bigint" ? rawNumber(value) : value,
  );
}

/** Every integer becomes a bigint, whatever its size; nothing that 2.6 writes down is a fraction. */
export function parseGoJson(text: string): unknown {
  const revive = (_: string, value: unknown, { source }: { source: string }): unknown =>
    typeof value === "number" ? BigInt(source) : value;
  return (JSON.parse as (text: string, reviver: typeof revive) => unknown)(text, revive);
}

/** A bigint as a JSON number (JSON.rawJSON, ECMAScript 2026). */
function rawNumber(value: bigint): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(value.toString());
}

function uuidOf(text: string): string {
  const uuid = parseUuid(text);
  if (uuid === undefined) throw new Error(`"${text}" in the snapshot is no UUID`);
  return uuid;
}

function readMember(from: SnapshotMember): Member {
  return {
    rank: Number(from.rank),
    uuid: uuidOf(from.uuid),
    addr: from.addr,
    state: parseMemberState(from.state),
    info: from.info,
    fabricUri: from.fabric_uri,
    secondaryFabricUris: from.secondary_fabric_uris ?? [],
    fabricContexts: Number(from.fabric_contexts),
    secondaryFabricContexts: (from.secondary_fabric_contexts ?? []).map(Number),
    incarnation: from.incarnation,
    faultDomain: formatFaultDomain(parseFaultDomain(from.fault_domain)),
    lastUpdate: from.last_update,
  };
}

function writeMember(from: Member): SnapshotMember {
  return {
    addr: from.addr,
    state: memberStateText(from.state),
    fault_domain: from.faultDomain,
    rank: BigInt(from.rank),
    incarnation: from.incarnation,
    uuid: from.uuid,
    fabric_uri: from.fabricUri,
    secondary_fabric_uris: orNull(from.secondaryFabricUris),
    fabric_contexts: BigInt(from.fabricContexts),
    secondary_fabric_contexts: orNull(from.secondaryFabricContexts.map(BigInt)),
    info: from.info,
    last_update: from.lastUpdate,
  };
}

function readPool(from: SnapshotPool): PoolService {
  return {
    uuid: uuidOf(from.PoolUUID),
    label: from.PoolLabel,
    state: poolStates[Number(from.State)] ?? "Unknown",
    replicas: (from.Replicas ?? []).map(Number),
    creationRanks: parseRanks(from.Storage?.CreationRankStr ?? ""),
    currentRanks: parseRanks(from.Storage?.CurrentRankStr ?? ""),
    perRankTierBytes: from.Storage?.PerRankTierStorage ?? [],
    lastUpdate: from.LastUpdate,
  };
}

function writePool(from: PoolService): SnapshotPool {
  return {
    PoolUUID: from.uuid,
    PoolLabel: from.label,
    State: BigInt(poolStates.indexOf(from.state)),
    Replicas: from.replicas.map(BigInt),
    Storage: {
      CreationRankStr: rankSetText(from.creationRanks),
      CurrentRankStr: rankSetText(from.currentRanks),
      PerRankTierStorage: from.perRankTierBytes,
    },
    LastUpdate: from.lastUpdate,
  };
}

/** Go writes a list that was never filled as null. */
function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

/** As Go's host lists write numbers: "3", "[0-2,5]". */
function rankSetText(ranks: readonly number[]): string {
  const text = formatRanks(ranks);
  return new Set(ranks).size > 1 ? `[${text}]` : text;
}

function grouped(pairs: readonly (readonly string[])[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const [key = "", value = ""] of pairs) {
    const group = groups[key] ?? [];
    group.push(value);
    groups[key] = group;
  }
  return groups;
}

/** Numbers of all domains but the root and the ranks. Members without one in the tree contradict it. */
function readDomains(root: SnapshotDomain | null, members: ReadonlyMap<number, Member>): Map<string, number> {
  const ids = new Map<string, number>();
  const depths = new Set(
    [...members.values()].map(({ faultDomain }) => parseFaultDomain(faultDomain).length),
  );
  const visit = (node: SnapshotDomain): void => {
    for (const child of node.Children ?? []) {
      const levels = child.Domain.Domains ?? [];
      const isRank = (child.Children ?? []).length === 0 && /^rank\d+$/.test(levels.at(-1) ?? "");
      // A host may be named like a rank; a rank stands one level below where members say they are.
      if (!isRank || depths.has(levels.length)) ids.set(formatFaultDomain(levels), Number(child.ID));
      visit(child);
    }
  };
  if (root !== null) visit(root);
  for (const { rank, faultDomain } of members.values()) {
    if (faultDomain !== "/" && !ids.has(faultDomain)) {
      throw new Error(`fault domain ${faultDomain} of rank ${rank} has no number in the snapshot`);
    }
  }
  return ids;
}

/** The tree with the numbers of its domains, and for ranks numbers after all of those, as 2.6 wants them. */
function writeDomains(state: SystemState, members: readonly Member[]): SnapshotDomain {
  interface Node {
    readonly levels: readonly string[];
    readonly id: number;
    readonly children: Map<string, Node>;
  }
  const root: Node = { levels: [], id: rootDomainId, children: new Map() };
  const at = (levels: readonly string[], id: (path: string) => number): Node => {
    let node = root;
    levels.forEach((label, index) => {
      let child = node.children.get(label);
      if (child === undefined) {
        const upTo = levels.slice(0, index + 1);
        child = { levels: upTo, id: id(formatFaultDomain(upTo)), children: new Map() };
        node.children.set(label, child);
      }
      node = child;
    });
    return node;
  };
  let next = Math.max(rootDomainId, ...state.domainIds.values()) + 1;
  const number = (path: string): number => state.domainIds.get(path) ?? next++;
  for (const path of state.domainIds.keys()) at(parseFaultDomain(path), number);
  for (const { rank, faultDomain } of members) at([...parseFaultDomain(faultDomain), `rank${rank}`], number);
  const write = (node: Node): SnapshotDomain => ({
    Domain: { Domains: orNull(node.levels) },
    ID: BigInt(node.id),
    Children: [...node.children]
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([, child]) => write(child)),
  });
  return write(root);
}
