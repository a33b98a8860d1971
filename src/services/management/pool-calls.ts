import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import { MemberNotFoundError } from "../../faults/system.ts";
import {
  ACLRespSchema,
  DeleteACLReqSchema,
  GetACLReqSchema,
  ModifyACLReqSchema,
} from "../../gen/mgmt/acl_pb.ts";
import {
  type ContSetOwnerReq,
  ContSetOwnerReqSchema,
  ContSetOwnerRespSchema,
} from "../../gen/mgmt/cont_pb.ts";
import * as pb from "../../gen/mgmt/pool_pb.ts";
import { compressFaultDomains } from "../../system/fault-domain.ts";
import { faultPoolInvalidRanks } from "../../system/faults.ts";
import { availableStates, inStates } from "../../system/member-state.ts";
import { poolServiceRanks, readyPool } from "../../system/pools.ts";
import type { PoolService } from "../../system/types.ts";
import type { CallContext } from "../method.ts";
import type { Core } from "./core.ts";
import { callEngine, type EngineCallOptions } from "./engine-call.ts";
import type { ManagementParts } from "./parts.ts";

/** The fields by which a request names its pool and is sent to the pool's service. */
export interface PoolAddressed {
  id: string;
  svcRanks: number[];
}

/**
 * Sends a request about a pool to the engine: with the pool's UUID for whatever it was called, and with the
 * ranks of its service unless the caller names them.
 */
export async function callPool<I extends DescMessage, O extends DescMessage>(
  core: Core,
  method: number,
  input: I,
  request: MessageShape<I> & PoolAddressed,
  output: O,
  options?: EngineCallOptions,
): Promise<MessageShape<O>> {
  const state = core.replica();
  const pool = readyPool(state, request.id);
  request.id = pool.uuid;
  if (request.svcRanks.length === 0) request.svcRanks = poolServiceRanks(state, pool);
  return callEngine(core.deps.harness, method, input, request as MessageInitShape<I>, output, options);
}

interface Passed<I extends DescMessage, O extends DescMessage> {
  readonly method: number;
  readonly input: I;
  readonly output: O;
}

/** A question any replica may pass on. It is given up when the caller gives up. */
function question<I extends DescMessage, O extends DescMessage>(
  core: Core,
  { method, input, output }: Passed<I, O>,
  prepare: (request: MessageShape<I> & PoolAddressed) => void = () => undefined,
) {
  return async (request: MessageShape<I> & PoolAddressed, context: CallContext): Promise<MessageShape<O>> => {
    core.replica();
    prepare(request);
    return callPool(core, method, input, request, output, { signal: context.signal });
  };
}

/** A change only the leader passes on, one at a time for a pool; once begun it is carried through. */
function change<I extends DescMessage, O extends DescMessage>(
  { core, poolLocks }: ManagementParts,
  { method, input, output }: Passed<I, O>,
  prepare: (request: MessageShape<I> & PoolAddressed, pool: PoolService) => void = () => undefined,
) {
  return async (request: MessageShape<I> & PoolAddressed): Promise<MessageShape<O>> => {
    const pool = readyPool(core.leader(), request.id);
    prepare(request, pool);
    return poolLocks.withLock(pool.uuid, () => callPool(core, method, input, request, output));
  };
}

/** What a query asks for when it does not say: all but the lists of engines (2.6: DefaultPoolQueryMask). */
const defaultQueryMask = 0xffff_ffff_ffff_ffffn & ~0b1100n;

/** The methods that the management service passes on to a pool's service. */
export function poolPassedMethods(parts: ManagementParts) {
  const { core } = parts;
  const query = question(
    core,
    { method: MgmtMethod.POOL_QUERY, input: pb.PoolQueryReqSchema, output: pb.PoolQueryRespSchema },
    (request) => {
      if (request.queryMask === 0n) request.queryMask = defaultQueryMask;
    },
  );
  const setOwner = {
    method: MgmtMethod.CONT_SET_OWNER,
    input: ContSetOwnerReqSchema,
    output: ContSetOwnerRespSchema,
  };
  const acl = <I extends DescMessage>(method: number, input: I): Passed<I, typeof ACLRespSchema> => ({
    method,
    input,
    output: ACLRespSchema,
  });

  return {
    poolQuery: admin(async (request: pb.PoolQueryReq, context: CallContext) => {
      const answer = await query(request, context);
      // Callers older than 2.6 look here.
      answer.leader = answer.svcLdr;
      return answer;
    }),
    poolQueryTarget: admin(
      question(core, {
        method: MgmtMethod.POOL_QUERY_TARGETS,
        input: pb.PoolQueryTargetReqSchema,
        output: pb.PoolQueryTargetRespSchema,
      }),
    ),
    poolGetProp: admin(
      question(
        core,
        {
          method: MgmtMethod.POOL_GET_PROP,
          input: pb.PoolGetPropReqSchema,
          output: pb.PoolGetPropRespSchema,
        },
        (request) => {
          // Not all properties can be read this way (ACL …), so the engine is never asked for "all".
          if (request.properties.length === 0) throw new Error("PoolGetProp() request with 0 properties");
        },
      ),
    ),
    poolGetACL: admin(question(core, acl(MgmtMethod.POOL_GET_ACL, GetACLReqSchema))),
    poolOverwriteACL: admin(change(parts, acl(MgmtMethod.POOL_OVERWRITE_ACL, ModifyACLReqSchema))),
    poolUpdateACL: admin(change(parts, acl(MgmtMethod.POOL_UPDATE_ACL, ModifyACLReqSchema))),
    poolDeleteACL: admin(change(parts, acl(MgmtMethod.POOL_DELETE_ACL, DeleteACLReqSchema))),
    poolExclude: admin(
      change(parts, {
        method: MgmtMethod.EXCLUDE,
        input: pb.PoolExcludeReqSchema,
        output: pb.PoolExcludeRespSchema,
      }),
    ),
    poolDrain: admin(
      change(parts, {
        method: MgmtMethod.DRAIN,
        input: pb.PoolDrainReqSchema,
        output: pb.PoolDrainRespSchema,
      }),
    ),
    poolExtend: admin(
      change(
        parts,
        { method: MgmtMethod.EXTEND, input: pb.PoolExtendReqSchema, output: pb.PoolExtendRespSchema },
        (request, pool) => {
          request.faultDomains = compressFaultDomains(core.leader(), request.ranks);
          request.tierbytes = [...pool.perRankTierBytes];
        },
      ),
    ),
    poolReintegrate: admin(
      change(
        parts,
        {
          method: MgmtMethod.REINTEGRATE,
          input: pb.PoolReintegrateReqSchema,
          output: pb.PoolReintegrateRespSchema,
        },
        (request, pool) => {
          const member = core.leader().members.get(request.rank);
          if (member === undefined) throw new MemberNotFoundError(`rank ${request.rank}`);
          if (!inStates(member.state, availableStates)) throw faultPoolInvalidRanks([request.rank]);
          request.tierbytes = [...pool.perRankTierBytes];
        },
      ),
    ),
    poolUpgrade: admin(
      change(parts, {
        method: MgmtMethod.POOL_UPGRADE,
        input: pb.PoolUpgradeReqSchema,
        output: pb.PoolUpgradeRespSchema,
      }),
    ),
    listContainers: admin(
      question(core, {
        method: MgmtMethod.LIST_CONTAINERS,
        input: pb.ListContReqSchema,
        output: pb.ListContRespSchema,
      }),
    ),
    contSetOwner: admin(async (request: ContSetOwnerReq, context: CallContext) => {
      // This one request calls its pool by another name.
      const state = core.replica();
      const pool = readyPool(state, request.poolUUID);
      request.poolUUID = pool.uuid;
      if (request.svcRanks.length === 0) request.svcRanks = poolServiceRanks(state, pool);
      return callEngine(core.deps.harness, setOwner.method, setOwner.input, request, setOwner.output, {
        signal: context.signal,
      });
    }),
  };
}

/** A method for administrators. */
function admin<H>(handle: H) {
  return { roles: ["admin"] as const, handle };
}
