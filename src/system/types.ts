/**
 * The records of a DAOS system. Plain data: no clock, no socket, no file in this room.
 */

/** Bit mask of member states, as 2.6 encodes filters (`member_state` rows of codes-2.6.tsv). */
export const MemberState = {
  Unknown: 0x0000,
  AwaitFormat: 0x0001,
  Starting: 0x0002,
  Ready: 0x0004,
  Joined: 0x0008,
  Stopping: 0x0010,
  Stopped: 0x0020,
  Excluded: 0x0040,
  Errored: 0x0080,
  Unresponsive: 0x0100,
  AdminExcluded: 0x0200,
  CheckerStarted: 0x0400,
} as const;
export type MemberStateName = keyof typeof MemberState;

/** One engine of the system. */
export interface Member {
  readonly rank: number;
  /** UUID of the engine's superblock. */
  readonly uuid: string;
  /** Control address of the server that runs it, "ip:port". */
  readonly addr: string;
  readonly state: MemberStateName;
  /** Why it is in that state, for people; "" when there is nothing to say. */
  readonly info: string;
  readonly fabricUri: string;
  readonly secondaryFabricUris: readonly string[];
  readonly fabricContexts: number;
  readonly secondaryFabricContexts: readonly number[];
  readonly incarnation: bigint;
  /** "/rack1/host7". */
  readonly faultDomain: string;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly lastUpdate: string;
}

export type PoolState = "Creating" | "Ready" | "Destroying" | "Degraded" | "Unknown";

/** One pool service as the management service knows it. */
export interface PoolService {
  /** Lower case. */
  readonly uuid: string;
  readonly label: string;
  readonly state: PoolState;
  /** Ranks that run replicas of the pool service. */
  readonly replicas: readonly number[];
  /** Ranks it was created on, and is on now. */
  readonly creationRanks: readonly number[];
  readonly currentRanks: readonly number[];
  /** Bytes per rank, by tier: [scm, nvme]. */
  readonly perRankTierBytes: readonly bigint[];
  readonly lastUpdate: string;
}

/** The whole system as the leader holds it in memory. */
export interface SystemState {
  /** Rises by one with every committed change. */
  readonly version: bigint;
  /** The next rank number to give away. */
  readonly nextRank: number;
  /** Group map version: rises whenever the set of usable ranks or their addresses change. */
  readonly mapVersion: number;
  readonly members: ReadonlyMap<number, Member>;
  /** By UUID. */
  readonly pools: ReadonlyMap<string, PoolService>;
  readonly attributes: ReadonlyMap<string, string>;
  /**
   * Numbers of the fault domains by path ("/rack1"), without the ranks. A number is given once and stays:
   * pool maps refer to it. The root has 1.
   */
  readonly domainIds: ReadonlyMap<string, number>;
  /** Findings of the checker by sequence number (decimal): the report as JSON text. */
  readonly findings: ReadonlyMap<string, string>;
  /** Index: rank by member UUID. */
  readonly ranksByUuid: ReadonlyMap<string, number>;
  /** Index: pool UUID by label. */
  readonly poolsByLabel: ReadonlyMap<string, string>;
}

/** One step of a change. A request becomes a list of these, committed together or not at all. */
export type Change =
  | { readonly kind: "putMember"; readonly member: Member }
  | { readonly kind: "removeMember"; readonly rank: number }
  | { readonly kind: "putPool"; readonly pool: PoolService }
  | { readonly kind: "removePool"; readonly uuid: string }
  | { readonly kind: "setAttribute"; readonly key: string; readonly value: string }
  | { readonly kind: "removeAttribute"; readonly key: string }
  | { readonly kind: "setNextRank"; readonly nextRank: number }
  | { readonly kind: "putDomain"; readonly path: string; readonly id: number }
  | { readonly kind: "putFinding"; readonly seq: string; readonly report: string }
  | { readonly kind: "removeFinding"; readonly seq: string }
  | { readonly kind: "bumpMapVersion" };

/** The changes a decision asks for, and what to answer once they are durable. */
export interface Decision<T> {
  readonly changes: readonly Change[];
  readonly answer: T;
}
