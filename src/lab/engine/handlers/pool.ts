import { MgmtMethod } from "../../../drpc/methods.ts";
import type { DrpcHandler } from "../../../drpc/types.ts";
import {
  ListContReqSchema,
  ListContRespSchema,
  PoolCreateReqSchema,
  PoolCreateRespSchema,
  PoolDestroyReqSchema,
  PoolDestroyRespSchema,
  PoolEvictReqSchema,
  PoolEvictRespSchema,
  type PoolProperty,
  PoolQueryReqSchema,
  PoolQueryRespSchema,
  PoolQueryTargetInfo_TargetState,
  PoolQueryTargetReqSchema,
  PoolQueryTargetRespSchema,
  PoolRebuildStatus_State,
  StorageMediaType,
} from "../../../gen/mgmt/pool_pb.ts";
import { Der, DerError } from "../der.ts";
import { parseFaultDomains } from "../domains.ts";
import { askRank, type Engine, onRanks, rankOf } from "../engine.ts";
import { newPool, type Pool } from "../pool.ts";
import { type ComponentState, isDisabled, ranksByHealth } from "../pool-map.ts";
import { poolSpace, type TierSpace } from "../pool-space.ts";
import { PoolProp, type PropertyValue, poolGlobalVersion } from "../props.ts";
import { formatRanks } from "../ranks.ts";
import type { Shard } from "../shards.ts";
import { answering, parseUuid } from "./body.ts";

/** Bits of a query mask (DPI_* of 2.6). */
const QueryBit = { SPACE: 1n, REBUILD: 2n, ENGINES_ENABLED: 4n, ENGINES_DISABLED: 8n } as const;

/** Tiers of a pool: SCM and NVMe, always both. */
const tierCount = 2;

/** @throws DerError DER_INVAL for a property without a value */
export function propertyChanges(
  properties: readonly PoolProperty[],
): { number: number; value: PropertyValue }[] {
  return properties.map(({ number, value }) => {
    if (value.case === undefined) throw new DerError(Der.INVAL, `property ${number} has no value`);
    return { number, value: value.value };
  });
}

/** Creates the shard here or on another rank. */
export async function createShard(
  engine: Engine,
  rank: number,
  shard: { uuid: string; scmBytes: bigint; nvmeBytes: bigint },
): Promise<Shard> {
  if (rank === rankOf(engine)) return engine.shards.create(shard.uuid, shard.scmBytes, shard.nvmeBytes);
  return (await askRank(engine, rank, "shard.create", shard)) as Shard;
}

/** Removes shard and service copy, here or on another rank. */
export async function destroyShard(engine: Engine, rank: number, uuid: string): Promise<void> {
  if (rank !== rankOf(engine)) {
    await askRank(engine, rank, "shard.destroy", { uuid });
    return;
  }
  await engine.services.drop(uuid);
  await engine.shards.destroy(uuid);
}

function tierBytes(bytes: readonly bigint[]): { scmBytes: bigint; nvmeBytes: bigint } {
  const [scmBytes, nvmeBytes] = bytes;
  if (bytes.length !== tierCount || scmBytes === undefined || nvmeBytes === undefined) {
    throw new DerError(Der.INVAL, `${bytes.length} storage tiers`);
  }
  return { scmBytes, nvmeBytes };
}

function mediaStats(tier: TierSpace | undefined, mediaType: StorageMediaType) {
  return { ...(tier ?? { total: 0n, free: 0n, min: 0n, max: 0n, mean: 0n }), mediaType };
}

const rebuildStates = {
  idle: PoolRebuildStatus_State.IDLE,
  busy: PoolRebuildStatus_State.BUSY,
  done: PoolRebuildStatus_State.DONE,
} as const;

const targetStates: Readonly<Record<ComponentState, PoolQueryTargetInfo_TargetState>> = {
  NEW: PoolQueryTargetInfo_TargetState.NEW,
  UP: PoolQueryTargetInfo_TargetState.UP,
  UPIN: PoolQueryTargetInfo_TargetState.UP_IN,
  DOWN: PoolQueryTargetInfo_TargetState.DOWN,
  DRAIN: PoolQueryTargetInfo_TargetState.DRAIN,
  DOWNOUT: PoolQueryTargetInfo_TargetState.DOWN_OUT,
};

/** Pools as a whole: create, destroy, evict, query, list of containers. */
export function poolHandlers(engine: Engine): Record<number, DrpcHandler> {
  const { log, services, membership } = engine;

  const cleanUp = (uuid: string, ranks: readonly number[]) =>
    onRanks(ranks, (rank) => destroyShard(engine, rank, uuid)).catch((error: Error) =>
      log.error(`pool ${uuid}: cannot clean up after a failed creation: ${error.message}`),
    );

  /** Leaves nothing behind when it fails. */
  const createPool = async (
    pool: Omit<Parameters<typeof newPool>[0], "engines">,
    domains: Map<number, number>,
    ranks: number[],
  ) => {
    try {
      const shards = await onRanks(ranks, (rank) => createShard(engine, rank, pool));
      const engines = ranks.map((rank) => ({
        rank,
        node: domains.get(rank) ?? rank,
        targets: shards.get(rank)?.targets ?? 0,
      }));
      const [shard] = shards.values();
      const made = newPool({
        ...pool,
        engines,
        scmBytes: shard?.scmBytes ?? pool.scmBytes,
        nvmeBytes: shard?.nvmeBytes ?? pool.nvmeBytes,
      });
      try {
        await services.spread(made);
      } catch (error) {
        // A repeated request finds the pool running already: that is the pool it asks for.
        if (!(error instanceof DerError) || error.status !== Der.NOTLEADER) throw error;
      }
      return made;
    } catch (error) {
      await cleanUp(pool.uuid, ranks);
      throw error;
    }
  };

  return {
    [MgmtMethod.POOL_CREATE]: answering(log, PoolCreateReqSchema, PoolCreateRespSchema, async (request) => {
      const tiers = tierBytes(request.tierbytes);
      const uuid = parseUuid(request.uuid, "pool");
      const ranks = [...new Set(request.ranks)].sort((a, b) => a - b);
      if (ranks.length === 0) throw new DerError(Der.INVAL, "no ranks given");
      const outside = ranks.filter((rank) => membership.member(rank) === undefined);
      if (outside.length > 0) throw new DerError(Der.OOG, `ranks ${outside} are not in the group`);
      log.info(`creating pool ${uuid} on ${ranks.length} ranks`);
      const made = await createPool(
        {
          uuid,
          ...tiers,
          properties: propertyChanges(request.properties),
          owner: request.user,
          ownerGroup: request.usergroup,
          acl: request.acl,
          replicas: request.numsvcreps,
        },
        parseFaultDomains(request.faultDomains),
        ranks,
      );
      const { leader, pool } = await services.call(uuid, made.replicas, { op: "read" });
      return {
        svcLdr: leader,
        svcReps: [...pool.replicas],
        tgtRanks: ranksByHealth(pool.map, true),
        tierBytes: [pool.scmBytes, pool.nvmeBytes],
      };
    }),

    [MgmtMethod.POOL_DESTROY]: answering(
      log,
      PoolDestroyReqSchema,
      PoolDestroyRespSchema,
      async (request) => {
        const uuid = parseUuid(request.id, "pool");
        // In this call the field names all ranks of the pool, not the service's.
        if (request.svcRanks.length === 0) throw new DerError(Der.INVAL, "no ranks given");
        await onRanks(request.svcRanks, (rank) => destroyShard(engine, rank, uuid));
        log.info(`pool ${uuid} is destroyed`);
        return {};
      },
    ),

    [MgmtMethod.POOL_EVICT]: answering(log, PoolEvictReqSchema, PoolEvictRespSchema, async (request) => {
      const uuid = parseUuid(request.id, "pool");
      const handles = request.handles.map((handle) => parseUuid(handle, "handle"));
      const what =
        handles.length > 0
          ? { handles }
          : request.destroy
            ? { destroy: true, force: request.forceDestroy }
            : request.machine !== ""
              ? { machine: request.machine }
              : {};
      const { count } = await services.call(uuid, request.svcRanks, { op: "evict", ...what });
      return { count };
    }),

    [MgmtMethod.POOL_QUERY]: answering(log, PoolQueryReqSchema, PoolQueryRespSchema, async (request) => {
      const uuid = parseUuid(request.id, "pool");
      const mask = request.queryMask;
      const asked = (bit: bigint) => (mask & bit) !== 0n;
      if (asked(QueryBit.ENGINES_ENABLED) && asked(QueryBit.ENGINES_DISABLED)) {
        throw new DerError(Der.NOTSUPPORTED, "enabled and disabled ranks cannot be queried at once");
      }
      const { leader, pool } = await services.call(uuid, request.svcRanks, { op: "read" });
      return queryAnswer(pool, leader, request.id, request.svcRanks, mask);
    }),

    [MgmtMethod.POOL_QUERY_TARGETS]: answering(
      log,
      PoolQueryTargetReqSchema,
      PoolQueryTargetRespSchema,
      async (request) => {
        const uuid = parseUuid(request.id, "pool");
        const { pool } = await services.call(uuid, request.svcRanks, { op: "read" });
        return { infos: request.targets.map((index) => targetInfo(pool, request.rank, index)) };
      },
    ),

    [MgmtMethod.LIST_CONTAINERS]: answering(log, ListContReqSchema, ListContRespSchema, async (request) => {
      const uuid = parseUuid(request.id, "pool");
      const { pool } = await services.call(uuid, request.svcRanks, { op: "read" });
      return { containers: pool.containers.map((c) => ({ uuid: c.uuid })) };
    }),
  };
}

function queryAnswer(pool: Pool, leader: number, id: string, svcReps: readonly number[], mask: bigint) {
  const asked = (bit: bigint) => (mask & bit) !== 0n;
  const space = asked(QueryBit.SPACE) ? poolSpace(pool) : undefined;
  const version = Number(pool.properties[PoolProp.GLOBAL_VERSION]);
  const { state, objects, records } = pool.rebuild;
  return {
    uuid: id,
    totalTargets: pool.map.targets.length,
    activeTargets: space?.activeTargets ?? 0,
    disabledTargets: pool.map.targets.filter(isDisabled).length,
    totalEngines: pool.map.engines.length,
    rebuild: asked(QueryBit.REBUILD) ? { state: rebuildStates[state], objects, records } : {},
    tierStats: [mediaStats(space?.scm, StorageMediaType.SCM), mediaStats(space?.nvme, StorageMediaType.NVME)],
    version: pool.map.version,
    enabledRanks: asked(QueryBit.ENGINES_ENABLED) ? formatRanks(ranksByHealth(pool.map, true)) : "",
    disabledRanks: asked(QueryBit.ENGINES_DISABLED) ? formatRanks(ranksByHealth(pool.map, false)) : "",
    poolLayoutVer: version,
    upgradeLayoutVer: poolGlobalVersion,
    svcLdr: leader,
    svcReps: [...svcReps],
    queryMask: mask,
  };
}

function targetInfo(pool: Pool, rank: number, index: number) {
  const target = pool.map.targets.find((t) => t.rank === rank && t.index === index);
  if (target === undefined) throw new DerError(Der.NONEXIST, `pool has no rank ${rank} target ${index}`);
  const space = poolSpace(pool);
  const active = BigInt(Math.max(1, space.activeTargets));
  const usage = (tier: TierSpace, mediaType: StorageMediaType) =>
    target.state === "UPIN"
      ? { total: tier.total / active, free: tier.mean, mediaType }
      : { total: 0n, free: 0n, mediaType };
  return {
    state: targetStates[target.state],
    space: [usage(space.scm, StorageMediaType.SCM), usage(space.nvme, StorageMediaType.NVME)],
  };
}
