import { MgmtMethod } from "../../../drpc/methods.ts";
import type { DrpcHandler } from "../../../drpc/types.ts";
import {
  ACLRespSchema,
  DeleteACLReqSchema,
  GetACLReqSchema,
  ModifyACLReqSchema,
} from "../../../gen/mgmt/acl_pb.ts";
import { ContSetOwnerReqSchema, ContSetOwnerRespSchema } from "../../../gen/mgmt/cont_pb.ts";
import {
  PoolDrainReqSchema,
  PoolDrainRespSchema,
  PoolExcludeReqSchema,
  PoolExcludeRespSchema,
  PoolExtendReqSchema,
  PoolExtendRespSchema,
  PoolGetPropReqSchema,
  PoolGetPropRespSchema,
  PoolReintegrateReqSchema,
  PoolReintegrateRespSchema,
  PoolSetPropReqSchema,
  PoolSetPropRespSchema,
  PoolUpgradeReqSchema,
  PoolUpgradeRespSchema,
} from "../../../gen/mgmt/pool_pb.ts";
import { Der, DerError } from "../der.ts";
import { parseFaultDomains } from "../domains.ts";
import { type Engine, onRanks } from "../engine.ts";
import { type Pool, propertyValue } from "../pool.ts";
import type { PropertyValue } from "../props.ts";
import { answering, parseUuid } from "./body.ts";
import { createShard, propertyChanges } from "./pool.ts";

function aclAnswer(pool: Pool) {
  return { acl: { entries: [...pool.acl], ownerUser: pool.owner, ownerGroup: pool.ownerGroup } };
}

function wireProperty(number: number, value: PropertyValue) {
  return typeof value === "string"
    ? { number, value: { case: "strval" as const, value } }
    : { number, value: { case: "numval" as const, value } };
}

/** One or two tiers; the second may be left out. */
function extraTierBytes(bytes: readonly bigint[]): { scmBytes: bigint; nvmeBytes: bigint } {
  const [scmBytes, nvmeBytes = 0n] = bytes;
  if (scmBytes === undefined || bytes.length > 2)
    throw new DerError(Der.INVAL, `${bytes.length} storage tiers`);
  return { scmBytes, nvmeBytes };
}

/** Requests to the service of one pool: access, properties, targets, containers. */
export function poolServiceHandlers(engine: Engine): Record<number, DrpcHandler> {
  const { log, services } = engine;
  return {
    [MgmtMethod.POOL_GET_ACL]: answering(log, GetACLReqSchema, ACLRespSchema, async (request) => {
      const uuid = parseUuid(request.id, "pool");
      return aclAnswer((await services.call(uuid, request.svcRanks, { op: "read" })).pool);
    }),
    [MgmtMethod.POOL_OVERWRITE_ACL]: answering(log, ModifyACLReqSchema, ACLRespSchema, async (request) => {
      const { id, svcRanks, entries } = request;
      const uuid = parseUuid(id, "pool");
      return aclAnswer((await services.call(uuid, svcRanks, { op: "overwrite-acl", entries })).pool);
    }),
    [MgmtMethod.POOL_UPDATE_ACL]: answering(log, ModifyACLReqSchema, ACLRespSchema, async (request) => {
      const { id, svcRanks, entries } = request;
      const uuid = parseUuid(id, "pool");
      return aclAnswer((await services.call(uuid, svcRanks, { op: "update-acl", entries })).pool);
    }),
    [MgmtMethod.POOL_DELETE_ACL]: answering(log, DeleteACLReqSchema, ACLRespSchema, async (request) => {
      const { id, svcRanks, principal } = request;
      const uuid = parseUuid(id, "pool");
      return aclAnswer((await services.call(uuid, svcRanks, { op: "delete-acl", principal })).pool);
    }),

    [MgmtMethod.POOL_SET_PROP]: answering(
      log,
      PoolSetPropReqSchema,
      PoolSetPropRespSchema,
      async (request) => {
        const uuid = parseUuid(request.id, "pool");
        const changes = propertyChanges(request.properties);
        if (changes.length === 0) throw new DerError(Der.INVAL, "no properties given");
        await services.call(uuid, request.svcRanks, { op: "set-properties", changes });
        return {};
      },
    ),
    [MgmtMethod.POOL_GET_PROP]: answering(
      log,
      PoolGetPropReqSchema,
      PoolGetPropRespSchema,
      async (request) => {
        const uuid = parseUuid(request.id, "pool");
        if (request.properties.length === 0) throw new DerError(Der.INVAL, "no properties given");
        const { pool } = await services.call(uuid, request.svcRanks, { op: "read" });
        return {
          properties: request.properties.map(({ number }) => {
            const value = propertyValue(pool, number);
            if (value === undefined) throw new DerError(Der.INVAL, `no property ${number}`);
            return wireProperty(number, value);
          }),
        };
      },
    ),
    [MgmtMethod.POOL_UPGRADE]: answering(
      log,
      PoolUpgradeReqSchema,
      PoolUpgradeRespSchema,
      async (request) => {
        await services.call(parseUuid(request.id, "pool"), request.svcRanks, { op: "upgrade" });
        return {};
      },
    ),

    [MgmtMethod.EXCLUDE]: answering(log, PoolExcludeReqSchema, PoolExcludeRespSchema, async (request) => {
      const { rank, targetidx: indices } = request;
      await services.call(parseUuid(request.id, "pool"), request.svcRanks, {
        op: "change-targets",
        kind: "EXCLUDE",
        rank,
        indices,
      });
      return {};
    }),
    [MgmtMethod.DRAIN]: answering(log, PoolDrainReqSchema, PoolDrainRespSchema, async (request) => {
      const { rank, targetidx: indices } = request;
      await services.call(parseUuid(request.id, "pool"), request.svcRanks, {
        op: "change-targets",
        kind: "DRAIN",
        rank,
        indices,
      });
      return {};
    }),
    [MgmtMethod.REINTEGRATE]: answering(
      log,
      PoolReintegrateReqSchema,
      PoolReintegrateRespSchema,
      async (request) => {
        const { rank, targetidx: indices } = request;
        const uuid = parseUuid(request.id, "pool");
        // The rank may have lost its part of the pool: it is made again first.
        await createShard(engine, rank, { uuid, ...extraTierBytes(request.tierbytes) });
        await services.call(uuid, request.svcRanks, {
          op: "change-targets",
          kind: "REINTEGRATE",
          rank,
          indices,
        });
        return {};
      },
    ),
    [MgmtMethod.EXTEND]: answering(log, PoolExtendReqSchema, PoolExtendRespSchema, async (request) => {
      const uuid = parseUuid(request.id, "pool");
      const tiers = extraTierBytes(request.tierbytes);
      const ranks = [...new Set(request.ranks)].sort((a, b) => a - b);
      if (ranks.length === 0) throw new DerError(Der.INVAL, "no ranks given");
      const domains = parseFaultDomains(request.faultDomains);
      const shards = await onRanks(ranks, (rank) => createShard(engine, rank, { uuid, ...tiers }));
      const engines = ranks.map((rank) => ({
        rank,
        node: domains.get(rank) ?? rank,
        targets: shards.get(rank)?.targets ?? 0,
      }));
      await services.call(uuid, request.svcRanks, { op: "extend", engines });
      return { tierBytes: request.tierbytes };
    }),

    [MgmtMethod.CONT_SET_OWNER]: answering(
      log,
      ContSetOwnerReqSchema,
      ContSetOwnerRespSchema,
      async (request) => {
        const uuid = parseUuid(request.contUUID, "container");
        await services.call(parseUuid(request.poolUUID, "pool"), request.svcRanks, {
          op: "set-container-owner",
          uuid,
          owner: request.owneruser,
          group: request.ownergroup,
        });
        return {};
      },
    ),
  };
}
